//! The rules together, in virtual time: what clients get who take all that they are given, or
//! less, or come and go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use proptest::prelude::{Strategy, prop, prop_assert, proptest};

use super::table::Table;
use super::{Full, Share, ThrottleRules, Throttles};

const SECOND: u64 = 1_000_000_000;
const BEGUN: u64 = 5_000 * SECOND;

fn table(rules: &str) -> Arc<Table> {
    let rules = ThrottleRules::parse(rules.as_bytes()).unwrap();
    Arc::new(Table::new(&rules, &Table::default()))
}

fn enter(table: &Arc<Table>, path: &str) -> Result<Share, Full> {
    table.matches(path.as_bytes()).unwrap().enter()
}

/// One who downloads.
#[derive(Clone, Debug)]
struct Client {
    path: &'static str,
    /// When it comes, after the beginning.
    comes: u64,
    /// Bytes of each response; it asks for the next at once.
    response: u64,
    /// Bytes a second that it can take.
    speed: u64,
    /// When it goes.
    goes: u64,
}

impl Client {
    /// Takes one long response for as long as it gets it.
    const fn greedy(path: &'static str) -> Self {
        Self {
            path,
            comes: 0,
            response: u64::MAX,
            speed: u64::MAX,
            goes: u64::MAX,
        }
    }
}

/// When which client was sent how much.
type Sent = Vec<(u64, usize, u64)>;

/// What `clients` are sent within `seconds`, as connections do it: a response that may go at once
/// goes at once, any other in slices, each when its moment has come.
fn sent(table: &Arc<Table>, clients: &[Client], seconds: u64) -> (Sent, usize) {
    let (mut sent, mut refused) = (Sent::new(), 0);
    let mut shares: Vec<Option<(Share, u64)>> = clients.iter().map(|_| None).collect();
    let coming = clients.iter().enumerate();
    let mut next: BinaryHeap<_> = coming
        .map(|(number, client)| Reverse((BEGUN + client.comes, 0, number)))
        .collect();
    // Who is ready at the same time has a turn in the order of asking.
    let mut turns = 0;
    while let Some(Reverse((now, _, number))) = next.pop() {
        turns += 1;
        let client = &clients[number];
        if now >= BEGUN + seconds * SECOND {
            break;
        }
        if now >= BEGUN.saturating_add(client.goes) {
            shares[number] = None;
            continue;
        }
        let place = &mut shares[number];
        let (share, left) = match place {
            Some(place) => place,
            None => match enter(table, client.path) {
                Ok(share) => {
                    let place = place.insert((share, client.response));
                    place.0.take_now(client.response, now);
                    place
                }
                Err(_) => {
                    refused += 1;
                    continue;
                }
            },
        };
        share.take(*left, now);
        let mut then = now + share.wait(now);
        if then == now {
            let bytes = share.taken();
            share.spend(bytes);
            sent.push((now, number, bytes));
            *left -= bytes;
            then += bytes * SECOND / client.speed;
            if *left == 0 {
                *place = None;
                // A round trip.
                then += SECOND / 10_000;
            }
        }
        next.push(Reverse((then, turns, number)));
    }
    (sent, refused)
}

fn of_client(sent: &Sent, client: usize) -> u64 {
    let parts = sent.iter().filter(|(_, number, _)| *number == client);
    parts.map(|(_, _, bytes)| bytes).sum()
}

fn total(sent: &Sent) -> u64 {
    sent.iter().map(|(_, _, bytes)| bytes).sum()
}

#[track_caller]
fn assert_near(measured: u64, wanted: u64) {
    let is_near = measured.abs_diff(wanted) * 100 <= wanted * 5;
    assert!(is_near, "{measured} is not within 5 % of {wanted}");
}

#[test]
fn the_maximum_holds_within_5_percent_and_each_has_the_same() {
    for count in [1, 4, 100] {
        let table = table("**.iso 100000\n** 1000000000");
        let clients = vec![Client::greedy("a/b.iso"); count];

        let (sent, _) = sent(&table, &clients, 10);

        assert_near(total(&sent), 1_000_000);
        let share = 1_000_000 / count as u64;
        for client in 0..count {
            let bytes = of_client(&sent, client);
            assert!(bytes * 100 >= share * 95, "{bytes} of {share}");
            // The burst goes to whoever comes first.
            assert!(
                bytes * 100 <= share * 105 + 25_000 * 100,
                "{bytes} of {share}"
            );
        }
    }
}

/// Who comes to others soon has as much as they.
#[test]
fn who_comes_later_is_behind_by_no_more_than_a_few_slices() {
    let table = table("** 1000000");
    let mut clients = vec![Client::greedy("x"); 4];
    for (client, comes) in clients.iter_mut().zip([0, 2, 1, 30]) {
        client.comes = comes * SECOND / 1_000;
    }

    let (sent, _) = sent(&table, &clients, 10);

    for client in 0..4 {
        assert!(of_client(&sent, client) >= 2_500_000 / 100 * 96);
    }
}

#[test]
fn the_maximum_holds_for_small_responses_too() {
    for (count, response) in [(1, 700), (4, 1_300), (100, 300), (100, 20_000)] {
        let table = table("** 1000000");
        let client = Client {
            response,
            ..Client::greedy("x")
        };

        let (sent, refused) = sent(&table, &vec![client; count], 10);

        assert_near(total(&sent), 10_000_000);
        assert_eq!(refused, 0);
        for client in 0..count {
            let even = 10_000_000 / count as u64;
            assert!(of_client(&sent, client).abs_diff(even) < even / 10 + response);
        }
    }
}

#[test]
fn a_minimum_lets_in_as_many_as_can_have_it_and_they_have_it() {
    for (min, let_in) in [(100_000, 1), (30_000, 3), (1_000, 100)] {
        let table = table(&format!("** {min}-100000"));
        let clients = vec![Client::greedy("x"); 120];

        let (sent, refused) = sent(&table, &clients, 10);

        assert_eq!(refused, 120 - let_in);
        for client in 0..let_in {
            assert!(of_client(&sent, client) * 100 >= min * 10 * 95);
        }
    }
}

#[test]
fn what_slow_clients_leave_goes_to_the_others() {
    let table = table("** 100000");
    let mut clients = vec![Client::greedy("x"); 10];
    for client in &mut clients[..8] {
        client.speed = 2_000;
    }

    let (sent, _) = sent(&table, &clients, 10);

    assert_near(total(&sent), 1_000_000);
    for client in 0..8 {
        assert!(of_client(&sent, client) >= 18_000);
    }
    assert_near(of_client(&sent, 8), (1_000_000 - 8 * 20_000) / 2);
    assert_near(of_client(&sent, 9), (1_000_000 - 8 * 20_000) / 2);
}

/// thttpd's own example: all pages, of which films are a part.
#[test]
fn all_rules_about_a_path_hold_together() {
    let table = table("** 2000-100000\n**.mpg 20000");
    let films = vec![Client::greedy("film.mpg"); 4];
    let clients = [films, vec![Client::greedy("page"); 4]].concat();

    let (sent, _) = sent(&table, &clients, 10);

    for film in 0..4 {
        assert_near(of_client(&sent, film), 50_000);
    }
    for page in 4..8 {
        assert_near(of_client(&sent, page), 200_000);
    }
}

#[test]
fn a_minimum_is_kept_by_every_rule_about_the_path() {
    let table = table("** 2000-100000\n**.mpg 5000");
    let enter = |path| enter(&table, path);

    let films: Vec<_> = (0..9).map_while(|_| enter("film.mpg").ok()).collect();

    assert_eq!(films.len(), 2);
    assert!(enter("page").is_ok());
    let refused: Vec<_> = table.readings().iter().map(|one| one.refused).collect();
    assert_eq!(refused, [0, 1]);
    drop(films);
    assert!(enter("film.mpg").is_ok());
}

#[test]
fn who_comes_and_who_goes_changes_what_each_has() {
    let table = table("** 80000");
    let mut clients = vec![Client::greedy("x"); 2];
    clients[1].comes = 4 * SECOND;
    clients[1].goes = 8 * SECOND;

    let (sent, _) = sent(&table, &clients, 12);
    let within = |from: u64, to: u64| {
        let parts = sent
            .iter()
            .filter(|(then, ..)| (BEGUN + from * SECOND..BEGUN + to * SECOND).contains(then));
        let mut bytes = [0; 2];
        parts.for_each(|(_, client, part)| bytes[*client] += part);
        bytes
    };

    assert_near(within(1, 4)[0], 240_000);
    assert_near(within(5, 8)[0], 120_000);
    assert_near(within(5, 8)[1], 120_000);
    assert_near(within(9, 12)[0], 240_000);
}

#[test]
fn the_first_ten_rules_about_a_path_count() {
    let rules: String = (0..12).map(|n| format!("x|y{n} {}\n", 1_000 - n)).collect();
    let table = table(&rules);
    let mut share = enter(&table, "x").unwrap();

    share.take(u64::MAX, BEGUN);
    share.spend(share.taken());

    let counted: Vec<_> = table.readings().iter().map(|one| one.bytes > 0).collect();
    assert_eq!(counted, [[true; 10].as_slice(), &[false; 2]].concat());
    assert!(table.matches(b"z").is_none());
}

#[test]
fn new_rules_hold_from_the_next_request_on_and_known_ones_go_on() {
    let rules = |text: &str| ThrottleRules::parse(text.as_bytes()).unwrap();
    let throttles = Throttles::new(&rules("a 1000\nb 1000"));
    let mut current = throttles.current();
    let mut shares = ["a", "b"].map(|path| enter(current.table(), path).unwrap());
    for share in &mut shares {
        assert!(share.take_now(250, BEGUN));
        share.spend(250);
    }

    throttles.replace(&rules("c 1\nb 1000"));

    let told = throttles.readings().into_iter();
    let told: Vec<_> = told
        .map(|one| (one.pattern, one.bytes, one.connections))
        .collect();
    assert_eq!(told, [("c".into(), 0, 0), ("b".into(), 250, 1)]);
    assert!(!enter(current.table(), "b").unwrap().take_now(250, BEGUN));
    assert!(!shares[1].take_now(250, BEGUN));
    // Its rule is gone.
    assert!(shares[0].take_now(1 << 30, BEGUN));
    assert!(current.table().matches(b"a").is_none());
}

fn clients() -> impl Strategy<Value = Vec<Client>> {
    let path = prop::sample::select(vec!["a", "b", "ab"]);
    let response = prop::sample::select(vec![200, 3_000, 40_000, u64::MAX]);
    let speed = prop::sample::select(vec![1_000, 20_000, u64::MAX]);
    let client = (path, 0..8 * SECOND, response, speed, SECOND..20 * SECOND);
    let client = client.prop_map(|(path, comes, response, speed, goes)| Client {
        path,
        comes,
        response,
        speed,
        goes,
    });
    prop::collection::vec(client, 1..20)
}

proptest! {
    /// Whatever clients do: of each rule no more than maximum × time + burst, but for slices that
    /// another rule made late, of each client one.
    #[test]
    fn no_rule_sends_more_than_it_says(
        clients in clients(),
        max in prop::array::uniform2(2_000..200_000_u64),
    ) {
        let [a, b] = max;
        let table = table(&format!("a|ab {a}\nb|ab {b}"));
        let (sent, _) = sent(&table, &clients, 6);
        for (rule, max) in [("a", a), ("b", b)] {
            let about = |number: usize| clients[number].path.contains(rule);
            let late = clients.iter().filter(|client| client.path == "ab").count() as u64;
            let slice = (max / 8).max(256);
            let own: Vec<_> = sent.iter().filter(|(_, number, _)| about(*number)).collect();
            for (index, (first, ..)) in own.iter().enumerate() {
                let mut bytes = 0;
                for (last, _, part) in &own[index..] {
                    bytes += part;
                    let limit = (last - first) / 1_000 * max / 1_000_000 + max / 4;
                    prop_assert!(bytes <= limit + late * slice + 1);
                }
            }
        }
    }

    /// While somebody wants more, a rule sends all that it may.
    #[test]
    fn no_rule_sends_less_than_it_may(clients in clients(), max in 2_000..200_000_u64) {
        let table = table(&format!("** {max}"));
        let greedy = [vec![Client::greedy("x")], clients].concat();
        let (sent, _) = sent(&table, &greedy, 6);
        prop_assert!((total(&sent) + max / 4) * 100 >= max * 6 * 95);
    }

    /// When all have gone nothing is left of them.
    #[test]
    fn who_has_gone_leaves_nothing_behind(clients in clients()) {
        let table = table("** 1000-100000\na|ab 500-20000");
        sent(&table, &clients, 30);
        for reading in table.readings() {
            prop_assert!(reading.connections == 0);
        }
    }
}
