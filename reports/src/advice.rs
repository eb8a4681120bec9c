//! What findings mean, and what to do about them: a short explanation with next steps, each tied to what was seen.
//!
//! [`next_steps`](crate::next_steps) says what to do now; this says what lies behind it. The rules are one table in
//! `advice/rules.rs`: each looks for its evidence in the verdict document, and speaks only where it finds it. Pure: the
//! same verdict gets the same advice.

mod evidence;
mod rules;

use crate::verdict::Verdict;
use rules::RULES;

/// No reader takes more at once.
const MOST: usize = 4;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Name of the rule that gave it, for programs: `retention`, `per_operation`, …
    pub rule: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// What was seen that triggered it.
    pub because: String,
    /// What that usually means.
    pub meaning: &'static str,
    /// What to do, the most useful first.
    pub steps: &'static [&'static str],
}

/// Advice on a verdict, the most telling first; empty where nothing needs explaining.
#[must_use]
pub fn advice(verdict: &Verdict) -> Vec<Advice> {
    let given = RULES.iter().filter_map(|rule| {
        let because = (rule.seen)(verdict)?;
        Some(Advice { rule: rule.name, title: rule.title, because, meaning: rule.meaning, steps: rule.steps })
    });
    given.take(MOST).collect()
}
