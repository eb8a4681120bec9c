//! Pressure stall information: how much of the time somebody waited for CPU, memory or storage. Of the host in
//! `/proc/pressure`, of a cgroup in its `*.pressure` files. Since Linux 4.20, where it is built in and not switched off.

use std::os::fd::OwnedFd;

use crate::fields::{as_reading, number, whole_lines, words};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::reading::Reading;

/// The share of the last 10 s, 0 to 1, in which some task waited, from the text of a pressure file:
/// `some avg10=1.23 avg60=…`. `None` where that makes no sense.
#[must_use]
pub fn parse_pressure(text: &[u8]) -> Option<f64> {
    let line = whole_lines(text).find_map(|line| line.strip_prefix(b"some "))?;
    let value = words(line).find_map(|word| word.strip_prefix(b"avg10="))?;
    let mut parts = value.split(|byte| *byte == b'.');
    let (whole, hundredths) = (number(parts.next()?)?, parts.next()?);
    if hundredths.len() != 2 || parts.next().is_some() {
        return None;
    }
    let parts = whole.checked_mul(100)?.checked_add(number(hundredths)?)?;
    (parts <= 10_000).then_some(as_reading(parts) / 10_000.0)
}

/// The pressure files of one folder, kept open; those that are not there are left out.
#[derive(Debug)]
pub(crate) struct Pressure {
    files: [Option<(KeptFile<256>, MetricId)>; 3],
}

impl Pressure {
    /// Opens the files `names` in `folder`; what each gives stands beside its name.
    pub(crate) fn open(folder: &OwnedFd, names: [(&str, MetricId); 3]) -> Self {
        Self { files: names.map(|(name, metric)| KeptFile::open(folder, name).ok().map(|file| (file, metric))) }
    }

    /// Reads all of them. A file that cannot be read, as where pressure is switched off, gives nothing.
    pub(crate) fn read(&mut self, reading: &mut Reading) {
        for (file, metric) in self.files.iter_mut().flatten() {
            if let Ok(Some(ratio)) = file.read(|text, _| Some(parse_pressure(text))) {
                reading.set(*metric, ratio);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_last_ten_seconds_is_read() {
        let text = b"some avg10=34.98 avg60=18.73 avg300=14.35 total=95593417\nfull avg10=1.00 avg60=0.00\n";
        assert_eq!(parse_pressure(text), Some(0.3498));
        assert_eq!(parse_pressure(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"), Some(0.0));
        assert_eq!(parse_pressure(b"some avg10=100.00 total=0\n"), Some(1.0));
        for bad in [
            &b""[..],
            b"some avg10=34.98",
            b"full avg10=1.00\n",
            b"some avg60=1.00\n",
            b"some avg10=1.0\n",
            b"some avg10=x.00\n",
            b"some avg10=100.01\n",
        ] {
            assert_eq!(parse_pressure(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn files_that_are_not_there_give_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cpu"), "some avg10=50.00 avg60=0.00\n").unwrap();
        std::fs::write(folder.path().join("io"), "garbage\n").unwrap();
        let handle = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        let names = [
            ("cpu", MetricId::HostCpuPressure),
            ("memory", MetricId::HostMemoryPressure),
            ("io", MetricId::HostIoPressure),
        ];
        let mut reading = Reading::default();
        Pressure::open(&handle, names).read(&mut reading);
        assert_eq!(reading.iter().collect::<Vec<_>>(), [(MetricId::HostCpuPressure, 0.5)]);
    }
}
