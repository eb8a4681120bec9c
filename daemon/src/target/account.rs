//! Users and groups by name or number.

use std::fs;
use std::process::{Command, Stdio};

use super::error::TargetError;
use crate::keeper::protocol::Account;

/// Who a target runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) account: Account,
    /// Name and home of the user, where they are known.
    pub(super) name: Option<String>,
    pub(super) home: Option<String>,
}

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Passwd {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

/// The accounts of this host.
struct Directory {
    passwd: String,
    group: String,
}

impl Directory {
    fn of_host() -> Self {
        let read = |path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        Self { passwd: read("/etc/passwd"), group: read("/etc/group") }
    }

    fn user(&self, wanted: impl Fn(&Passwd) -> bool) -> Option<Passwd> {
        self.passwd.lines().filter_map(passwd).find(wanted)
    }

    fn gid(&self, name: &str) -> Option<u32> {
        self.group.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_wanted = fields.next()? == name;
            let gid = fields.nth(1)?.parse().ok()?;
            is_wanted.then_some(gid)
        })
    }

    /// The groups that list this user as a member.
    fn groups_of(&self, name: &str) -> Vec<u32> {
        let groups = self.group.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let gid = fields.get(2)?.parse().ok()?;
            fields.get(3)?.split(',').any(|member| member.trim() == name).then_some(gid)
        });
        groups.collect()
    }

    fn identity(&self, user: Option<&str>, group: Option<&str>, own: (u32, u32)) -> Result<Identity, TargetError> {
        let unknown = |what, name: &str| TargetError::UnknownAccount { what, name: name.to_owned() };
        let gid = group.map(|group| {
            group
                .parse()
                .ok()
                .or_else(|| self.gid(group))
                .or_else(|| asked_gid(group))
                .ok_or_else(|| unknown("group", group))
        });
        let gid = gid.transpose()?;
        let Some(user) = user else {
            let gid = gid.unwrap_or(own.1);
            return Ok(Identity { account: Account { uid: own.0, gid, groups: vec![gid] }, name: None, home: None });
        };
        let known = match user.parse::<u32>() {
            Ok(uid) => self.user(|entry| entry.uid == uid),
            Err(_) => Some(
                self.user(|entry| entry.name == user)
                    .or_else(|| asked_user(user))
                    .ok_or_else(|| unknown("user", user))?,
            ),
        };
        let uid = known.as_ref().map(|entry| entry.uid).or_else(|| user.parse().ok());
        let uid = uid.ok_or_else(|| unknown("user", user))?;
        let gid = gid.or(known.as_ref().map(|entry| entry.gid));
        // A number without an entry has no first group: the one of the same number would be a guess.
        let gid = gid.ok_or_else(|| TargetError::UnknownAccount { what: "group", name: format!("of user {user}") })?;
        let mut groups = vec![gid];
        if let Some(entry) = &known {
            groups.extend(self.groups_of(&entry.name));
        }
        groups.sort_unstable();
        groups.dedup();
        let (name, home) = known.map(|entry| (entry.name, entry.home)).unzip();
        Ok(Identity { account: Account { uid, gid, groups }, name, home })
    }
}

fn passwd(line: &str) -> Option<Passwd> {
    let fields: Vec<&str> = line.split(':').collect();
    Some(Passwd {
        name: (*fields.first()?).to_owned(),
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
        home: (*fields.get(5)?).to_owned(),
    })
}

/// Who `user` and `group` are; `None` where neither is given, or they are who we are.
///
/// Names that are in no file are asked for with `getent`, which knows the directory services of the host.
pub(super) fn resolve(user: Option<&str>, group: Option<&str>) -> Result<Option<Identity>, TargetError> {
    if user.is_none() && group.is_none() {
        return Ok(None);
    }
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let identity = Directory::of_host().identity(user, group, own)?;
    let is_own = (identity.account.uid, identity.account.gid) == own;
    if is_own {
        return Ok(None);
    }
    if own.0 != 0 && identity.account.uid != own.0 {
        let wanted = user.or(group).unwrap_or_default().to_owned();
        return Err(TargetError::AccountNotPermitted {
            user: wanted,
            reason: std::io::Error::from_raw_os_error(rustix::io::Errno::PERM.raw_os_error()),
        });
    }
    Ok(Some(identity))
}

fn getent(database: &str, name: &str) -> Option<String> {
    let answer = Command::new("getent").args([database, "--", name]).stdin(Stdio::null()).output().ok()?;
    String::from_utf8(answer.stdout).ok().filter(|_| answer.status.success())
}

fn asked_user(name: &str) -> Option<Passwd> {
    passwd(getent("passwd", name)?.lines().next()?)
}

fn asked_gid(name: &str) -> Option<u32> {
    getent("group", name)?.lines().next()?.split(':').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        Directory {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\nbroken line\n".to_owned(),
            group: "root:x:0:\nweb:x:33:\nadm:x:4:syslog,web\nssl:x:110:web\n".to_owned(),
        }
    }

    fn identity(user: Option<&str>, group: Option<&str>) -> Result<Identity, TargetError> {
        directory().identity(user, group, (1000, 1000))
    }

    #[test]
    fn a_user_has_all_its_groups_by_name_and_by_number() {
        let expected = Identity {
            account: Account { uid: 33, gid: 33, groups: vec![4, 33, 110] },
            name: Some("web".to_owned()),
            home: Some("/var/www".to_owned()),
        };
        assert_eq!(identity(Some("web"), None).unwrap(), expected);
        assert_eq!(identity(Some("33"), None).unwrap(), expected);
    }

    #[test]
    fn a_group_of_its_own_takes_the_place_of_the_first() {
        assert_eq!(identity(Some("web"), Some("adm")).unwrap().account.gid, 4);
        let account = identity(None, Some("adm")).unwrap().account;
        assert_eq!(account, Account { uid: 1000, gid: 4, groups: vec![4] });
    }

    #[test]
    fn a_number_without_an_entry_needs_its_group() {
        assert!(matches!(identity(Some("4242"), None), Err(TargetError::UnknownAccount { what: "group", .. })));
        assert_eq!(identity(Some("4242"), Some("7")).unwrap().account, Account { uid: 4242, gid: 7, groups: vec![7] });
    }

    #[test]
    fn who_is_not_known_is_named() {
        let error = identity(Some("no-such-user-here"), None).unwrap_err();
        assert_eq!(error.to_string(), "cannot start target: unknown user `no-such-user-here`");
        let error = identity(None, Some("no-such-group-here")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start target: unknown group `no-such-group-here`");
    }
}
