//! The throttling rules: what each has sent, to how many, and whom it sent away.

use http::metrics::{Fact, Family, Section, Unit, bytes, count};

use crate::throttle::ThrottleReading;

/// Rules on the page; `/metrics` has all of them.
const SHOWN_MAX: usize = 50;

/// The numbers of the rules, each by its pattern.
pub(super) fn families(rules: &[ThrottleReading]) -> Vec<Family> {
    let numbered = |family: Family, number: fn(&ThrottleReading) -> u64| {
        rules.iter().fold(family, |family, rule| {
            family.sample([("pattern", rule.pattern.clone())], number(rule))
        })
    };
    let mut rates = Family::gauge(
        "rthttpd_throttle_rate_bytes_per_second",
        "What the rule's paths were sent with in the last ten seconds.",
    )
    .in_unit(Unit::Bytes);
    for rule in rules {
        if let Some(rate) = rule.rate {
            rates = rates.sample([("pattern", rule.pattern.clone())], rate);
        }
    }
    vec![
        numbered(
            Family::gauge(
                "rthttpd_throttle_max_bytes_per_second",
                "What the paths that the pattern matches are sent with at most, all together.",
            )
            .in_unit(Unit::Bytes),
            |rule| rule.max,
        ),
        numbered(
            Family::gauge(
                "rthttpd_throttle_min_bytes_per_second",
                "What each response gets at least; 0 for none.",
            )
            .in_unit(Unit::Bytes),
            |rule| rule.min,
        ),
        rates,
        numbered(
            Family::counter(
                "rthttpd_throttle_bytes_total",
                "Bytes that went to sockets under the rule, heads among them.",
            )
            .in_unit(Unit::Bytes),
            |rule| rule.bytes,
        ),
        numbered(
            Family::gauge(
                "rthttpd_throttle_connections",
                "Responses under way that share the rule's maximum.",
            ),
            |rule| rule.connections,
        ),
        numbered(
            Family::counter(
                "rthttpd_throttle_refused_total",
                "Requests answered with 503, as not all could have had their minimum.",
            ),
            |rule| rule.refused,
        ),
    ]
}

/// The same for people, a rule a line.
pub(super) fn section(rules: &[ThrottleReading]) -> Section {
    let mut facts: Vec<_> = rules.iter().take(SHOWN_MAX).map(fact).collect();
    if let Some(more @ 1..) = rules.len().checked_sub(SHOWN_MAX) {
        facts.push(Fact::new("More rules", count(more as u64)).note("/metrics has all of them"));
    }
    if facts.is_empty() {
        facts.push(Fact::new("No rules", "").note("the file of --throttles has none"));
    }
    Section {
        title: "Throttling",
        facts,
    }
}

fn fact(rule: &ThrottleReading) -> Fact {
    let max = bytes(rule.max);
    let value = match rule.rate {
        Some(rate) => format!("{}/s of {max}/s", bytes(rate)),
        None => format!("at most {max}/s"),
    };
    let mut note = format!(
        "{} responses under way; {} since the start",
        count(rule.connections),
        bytes(rule.bytes)
    );
    if rule.min > 0 {
        note += &format!(
            "; {} refused for the minimum of {}/s",
            count(rule.refused),
            bytes(rule.min)
        );
    } else if rule.refused > 0 {
        // Another rule about the same path has one.
        note += &format!("; {} refused for a minimum", count(rule.refused));
    }
    Fact::new(rule.pattern.clone(), value).note(note)
}

#[cfg(test)]
mod tests {
    use http::metrics::{samples, sum};

    use super::*;

    fn rule(pattern: &str) -> ThrottleReading {
        ThrottleReading {
            pattern: pattern.into(),
            min: 1_024,
            max: 102_400,
            burst: 25_600,
            connections: 3,
            bytes: 1 << 20,
            refused: 0,
            rate: Some(101_000),
        }
    }

    #[test]
    fn each_rule_has_its_numbers() {
        let quiet = ThrottleReading {
            rate: None,
            refused: 2,
            ..rule("b\"c")
        };

        let families = families(&[rule("a"), quiet]);

        assert_eq!(sum(&families, "rthttpd_throttle_bytes_total"), 2 << 20);
        assert_eq!(sum(&families, "rthttpd_throttle_refused_total"), 2);
        let rates = samples(&families, "rthttpd_throttle_rate_bytes_per_second");
        assert_eq!(rates.len(), 1);
        assert_eq!(rates[0].label("pattern"), "a");
    }

    #[test]
    fn a_rule_is_told_in_a_line_and_a_thousand_in_fifty() {
        let told = section(&[rule("**.iso")]);
        let fact = Fact::new("**.iso", "98.6 KiB/s of 100.0 KiB/s").note(
            "3 responses under way; 1.0 MiB since the start; 0 refused for the minimum of 1.0 KiB/s",
        );
        assert_eq!(told.facts, [fact]);

        let told = section(&vec![rule("x"); 1_000]);
        assert_eq!(told.facts.len(), SHOWN_MAX + 1);
        let more = Fact::new("More rules", "950").note("/metrics has all of them");
        assert_eq!(told.facts[SHOWN_MAX], more);
        assert_eq!(section(&[]).facts.len(), 1);
    }
}
