//! A shell that appends to a variable for ever.

use crate::harness::{Case, Program};
use crate::soak::Soak;

const BASH: Program = Program { name: "bash", package: "bash" };

pub(crate) const CASES: &[Case] =
    &[Case { name: "a_shell_variable_that_only_grows_is_a_leak", needs: &[BASH], test: growing }];

/// An array element of 2,000 bytes every few milliseconds: `read` from a pipe that stays silent is bash's own pause.
const SCRIPT: &str = "exec 3<> <(:); piece=$(printf '%02000d' 0); n=0; \
    while [ $n -lt 20000 ]; do kept[n]=$piece; n=$((n + 1)); read -t 0.005 -u 3; done";

fn growing() {
    let folder = tempfile::tempdir().expect("a folder");
    let soak =
        Soak::run(folder.path(), ["check", "--for", "20s", "--interval", "100ms"], &["--", "bash", "-c", SCRIPT]);
    soak.must_leak("anon_swap_bytes");
}
