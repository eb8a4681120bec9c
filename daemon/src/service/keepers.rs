//! Where the targets of the daemon are started: in transient units of their own under systemd, elsewhere as its children.

use super::config::{Target, UnitsWhen};
use crate::keeper::{KeeperProgram, UnitSpec};

/// What keeps the processes of a run of `profile`. `is_service` tells whether systemd has started the daemon.
#[must_use]
pub fn of(target: &Target, profile: &str, is_service: bool) -> KeeperProgram {
    let in_unit = match target.units {
        UnitsWhen::Auto => is_service,
        UnitsWhen::Always => true,
        UnitsWhen::Never => false,
    };
    if !in_unit {
        return KeeperProgram::default();
    }
    KeeperProgram::default()
        .in_unit(UnitSpec { user: target.user.clone(), ..UnitSpec::new(format!("soakd: target of `{profile}`")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_systemd_starts_its_targets_in_units() {
        let target = |units| Target { units, user: Some("soakd-target".to_owned()) };
        assert_eq!(of(&target(UnitsWhen::Auto), "api", false).unit(), None);
        assert_eq!(of(&target(UnitsWhen::Never), "api", true).unit(), None);
        let unit = of(&target(UnitsWhen::Auto), "api", true).unit().cloned().expect("a unit");
        assert_eq!(unit.user.as_deref(), Some("soakd-target"));
        assert!(of(&target(UnitsWhen::Always), "api", false).unit().is_some());
    }
}
