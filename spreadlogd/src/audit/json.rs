//! The books for programs; docs/formats.md says what each key is.

use super::Audit;

/// One object, on lines that people can read too.
pub(super) fn write(audit: &Audit) -> String {
    // Numbers and texts, and no map with keys of another kind: nothing that JSON could not say.
    serde_json::to_string_pretty(audit).unwrap_or_default() + "\n"
}
