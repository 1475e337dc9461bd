//! What holds for the books of any ledger, however it came to be. For tests and fuzz targets alone.

use super::Audit;
use super::totals::Totals;

/// Asserts it.
pub(crate) fn hold(audit: &Audit) {
    let mut sum = Totals::default();
    for group in audit.blocks.iter().flat_map(|block| &block.groups) {
        for stream in &group.streams {
            let lines = &stream.lines;
            if let (Some(served), Some(absent)) = (lines.served, lines.absent) {
                let one = u128::from(served) + u128::from(lines.surplus);
                let other = [lines.lost_there.sum(), lines.written, absent];
                let other: u128 = other.into_iter().map(u128::from).sum();
                // At the end of what a number holds, sums stay there.
                assert!(one == other || other > u128::from(u64::MAX), "{stream:?}");
            }
            assert!(
                lines.absent.is_none_or(|absent| absent >= lines.unplaced),
                "{stream:?}"
            );
            let messages = &stream.messages;
            let all = messages.missing.checked_add(messages.on_their_way);
            assert!(
                all.is_some_and(|all| all <= messages.known_to),
                "{stream:?}"
            );
            assert!(
                stream.gaps.iter().all(|gap| gap.first <= gap.last),
                "{stream:?}"
            );
        }
        sum.add(&group.totals);
    }
    let totals = &audit.totals;
    assert_eq!(
        (sum.streams, sum.served, sum.written, sum.missing, sum.lost),
        (
            totals.streams,
            totals.served,
            totals.written,
            totals.missing,
            totals.lost
        )
    );
    assert!(!audit.is_whole(true) || audit.is_whole(false));
    assert!(!audit.is_whole(false) || totals.missing + totals.lost == 0);
    for line in audit.text().lines() {
        assert!(line.len() <= 100, "{line}");
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line:?}"
        );
    }
    let json: Result<serde_json::Value, _> = serde_json::from_str(&audit.json());
    let missing = json
        .ok()
        .and_then(|json| json.get("totals")?.get("missing")?.as_u64());
    assert_eq!(missing, Some(totals.missing));
}
