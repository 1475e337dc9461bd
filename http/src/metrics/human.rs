//! Numbers as people read them: grouped, rounded, with a unit.

/// `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.5 KiB`, `64.0 MiB`: three digits or so.
#[must_use]
pub fn bytes(value: u64) -> String {
    let mut unit = "B";
    // In tenths, rounded down: what has a limit is not shown above it.
    let mut tenths = u128::from(value) * 10;
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if tenths < 1024 * 10 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    match unit {
        "B" => format!("{value} B"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

/// `45 s`, `3 min 5 s`, `2 h 7 min`, `12 d 3 h`: the two largest units.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", count(days), hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, duration};

    #[test]
    fn numbers_are_grouped_by_three() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(value), text);
        }
    }

    #[test]
    fn bytes_get_the_largest_unit_of_which_there_is_one() {
        for (value, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (64 << 20, "64.0 MiB"),
            ((64 << 20) - 1, "63.9 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn a_duration_is_its_two_largest_units() {
        for (value, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (185, "3 min 5 s"),
            (7_620, "2 h 7 min"),
            (1_047_600, "12 d 3 h"),
        ] {
            assert_eq!(duration(value), text);
        }
    }
}
