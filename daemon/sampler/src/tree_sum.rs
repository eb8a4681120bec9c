//! The sums over the members of a tree.

use crate::error::SampleError;
use crate::metric::{METRICS, MetricId, Scope, TreeSum};
use crate::reading::Reading;
use crate::sampler::SamplerId;
use crate::tree_reading::{MemberReading, TreeReading};

/// One metric while it is summed.
#[derive(Debug, Clone, Copy)]
struct Sum {
    metric: MetricId,
    is_memory: bool,
    is_cumulative: bool,
    /// Some members offer it and others do not.
    is_offered: bool,
    value: f64,
    /// Members that gave a value.
    count: usize,
    /// A member that should have given one did not: part of a sum is no sum.
    is_partial: bool,
}

/// Sums what was read, with its list of metrics kept from tick to tick.
#[derive(Debug, Default)]
pub(crate) struct TreeSums {
    sums: Vec<Sum>,
}

impl TreeSums {
    /// Sums what was due in this tick over the members, in one pass over them. `departed` holds what former members have counted.
    pub(crate) fn sum(&mut self, reading: &mut TreeReading, departed: &Reading) {
        let TreeReading { totals, members, due, .. } = reading;
        totals.clear();
        self.sums.clear();
        let summed = METRICS.iter().filter(|row| row.scope == Scope::Process && due.contains(row.id));
        self.sums.extend(summed.map(|row| Sum {
            metric: row.id,
            is_memory: row.is_memory(),
            is_cumulative: row.tree_sum == TreeSum::Cumulative,
            is_offered: row.is_offered(),
            value: 0.0,
            count: 0,
            is_partial: false,
        }));
        for member in &*members {
            for sum in &mut self.sums {
                sum.add(member);
            }
        }
        for sum in self.sums.iter().filter(|sum| !sum.is_partial) {
            let departed = if sum.is_cumulative { departed.get(sum.metric) } else { None };
            // What the last one that counted operations has done stays done.
            let is_past = sum.is_offered && departed.is_some();
            if sum.count > 0 || is_past {
                totals.set(sum.metric, sum.value + departed.unwrap_or(0.0));
            }
        }
    }
}

impl Sum {
    fn add(&mut self, member: &MemberReading) {
        match member.part_of_sum(self.metric) {
            Some(value) => {
                self.value += value;
                self.count += 1;
            }
            None if self.is_offered && member.failure(SamplerId::Probe).is_none() => {}
            // A process without memory adds none.
            None => {
                let has_no_memory = self.is_memory && member.failure(SamplerId::Statm) == Some(SampleError::NoMemory);
                self.is_partial |= !has_no_memory;
            }
        }
    }
}
