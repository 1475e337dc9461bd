//! Requests at a fixed rate, whatever the answers do: what one waits for.
//!
//! A delay begins at the moment a request was to be sent, not when it could be. A server that stops for a while
//! then delays all who would have come meanwhile; a load that waits for answers before it asks again would count
//! one of them ("coordinated omission", as Gil Tene named it).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{EVENTS_MAX, Load, LoadError, SILENCE_MAX, index_of};

/// A moment that is nearer than this is waited for by looking, as timers are late by some 50 µs.
const SPIN_MAX: Duration = Duration::from_micros(100);

impl Load {
    /// Sends `requests` requests at `rate` a second, each over a connection that awaits nothing, and returns the
    /// delay of each. Connections have to last, and have one request each at a time.
    ///
    /// # Errors
    /// At the first answer that is wrong, missing or cut off.
    pub fn run_at(&mut self, rate: u64, requests: u64) -> Result<Vec<Duration>, LoadError> {
        let began = Instant::now();
        let mut heard = began;
        let mut delays = Vec::new();
        let mut idle: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut due_at = vec![began; self.connections.len()];
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut sent = 0;
        while (delays.len() as u64) < requests {
            while sent < requests && due(began, rate, sent) <= Instant::now() {
                let Some(index) = idle.pop_front() else { break };
                if let Some(due_at) = due_at.get_mut(index) {
                    *due_at = due(began, rate, sent);
                }
                sent += 1;
                self.send(index, &mut 1)?;
            }

            let left = if sent < requests && !idle.is_empty() {
                let left = due(began, rate, sent).saturating_duration_since(Instant::now());
                left.saturating_sub(SPIN_MAX)
            } else {
                SILENCE_MAX
            };
            let owed = sent > delays.len() as u64;
            if !self.wait_for(&mut events, left)? && owed && heard.elapsed() > SILENCE_MAX {
                return Err(self.silent());
            }
            for event in &events {
                let index = index_of(event);
                if self.receive(index)? {
                    let due_at = due_at.get(index).copied().unwrap_or(began);
                    delays.push(due_at.elapsed());
                    idle.push_back(index);
                }
                heard = Instant::now();
            }
        }
        Ok(delays)
    }
}

/// When request `number`, from 0, is to be sent.
fn due(began: Instant, rate: u64, number: u64) -> Instant {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_evenly_and_do_not_drift() {
        let began = Instant::now();

        assert_eq!(due(began, 3, 0), began);
        assert_eq!(
            due(began, 3, 3_000_000),
            began + Duration::from_secs(1_000_000)
        );
        assert!((0..100).all(|n| due(began, 7, n) < due(began, 7, n + 1)));
    }
}
