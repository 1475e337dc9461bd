//! What is shown at the end, and kept as JSON.

use std::fmt::Write as _;

use super::{Outcome, Verdict};

/// The outcomes as a table, in Markdown.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| case | requests | responses | lines | missing | double | counted lost | seconds | verdict |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for outcome in outcomes {
        let column = |of: fn(&(u64, u64, u64)) -> u64| {
            let numbers: Vec<_> = outcome
                .files
                .iter()
                .map(|file| of(file).to_string())
                .collect();
            numbers.join(" / ")
        };
        let counted: Vec<_> = outcome.counted.iter().map(u64::to_string).collect();
        let verdict = match &outcome.verdict {
            Verdict::Good => "ok".to_owned(),
            Verdict::Bad(why) => format!("**FAILS**: {}", first_line(why)),
            Verdict::Skipped(why) => format!("skipped: {}", first_line(why)),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {} |",
            outcome.case,
            outcome.requests,
            outcome.responses,
            column(|(lines, ..)| *lines),
            column(|(_, missing, _)| *missing),
            column(|(.., double)| *double),
            counted.join(" / "),
            outcome.took.as_secs_f64(),
            verdict,
        );
    }
    text
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The outcomes as JSON: an array, one object for each case.
#[must_use]
pub fn json(outcomes: &[Outcome]) -> String {
    let outcomes: Vec<_> = outcomes.iter().map(object).collect();
    serde_json::Value::from(outcomes).to_string() + "\n"
}

fn object(outcome: &Outcome) -> serde_json::Value {
    let (verdict, why) = match &outcome.verdict {
        Verdict::Good => ("good", None),
        Verdict::Bad(why) => ("bad", Some(why)),
        Verdict::Skipped(why) => ("skipped", Some(why)),
    };
    let files = outcome.files.iter().map(|(lines, missing, double)| {
        serde_json::json!({ "lines": lines, "missing": missing, "double": double })
    });
    serde_json::json!({
        "case": outcome.case,
        "requests": outcome.requests,
        "responses": outcome.responses,
        "files": files.collect::<Vec<_>>(),
        "counted_lost": outcome.counted,
        "seconds": outcome.took.as_secs_f64(),
        "verdict": verdict,
        "why": why,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_fails_is_seen_in_both_forms() {
        let outcome = Outcome {
            case: "no-fault",
            requests: 7,
            responses: 6,
            files: vec![(5, 1, 0), (6, 0, 2)],
            counted: vec![3, 0],
            took: Duration::from_millis(1500),
            verdict: Verdict::Bad("1 missing\nand more".to_owned()),
        };

        let shown = table(std::slice::from_ref(&outcome));
        let kept: serde_json::Value = serde_json::from_str(&json(&[outcome])).unwrap();

        let row =
            "| no-fault | 7 | 6 | 5 / 6 | 1 / 0 | 0 / 2 | 3 / 0 | 1.5 | **FAILS**: 1 missing |";
        assert_eq!(shown.lines().last(), Some(row));
        assert_eq!(kept[0]["files"][1]["double"], 2);
        assert_eq!(kept[0]["verdict"], "bad");
    }
}
