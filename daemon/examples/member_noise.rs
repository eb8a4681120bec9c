//! How often processes that come and go make a false alarm or hide a leak: simulated runs of trees, judged by the sum alone and with the
//! processes behind it, as `lives` does.
//!
//! Each run has 600 samples, one a second. Each process holds what its scenario says, in MiB, with noise of 0.5 MiB that remembers 0.8
//! from sample to sample, and is recorded from 2 % of the run on after it came, as in a run of soakd.
//!
//! ```text
//! cargo run -p soakd --example member_noise -- [RUNS] [SEED]
//! ```

#![expect(clippy::print_stdout, reason = "a program that prints its table")]

use std::hash::{BuildHasher, Hasher, RandomState};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use soakd::lives::judge_members;
use soakd::phases::Phases;
use soakd::series::{Window, series};
use soakd::store::{Column, Scope, SeriesNumber, SeriesRecord};
use soakd_analysis::{JudgementKind, Quantity, Question, judge};

const LENGTH: usize = 600;
const MIB: f64 = 1_048_576.0;
const NOISE_MIB: f64 = 0.5;
const MEMORY: f64 = 0.8;
/// Share of the run after which a process that came later is recorded.
const RECORDED_FROM: f64 = 0.02;

/// A process: when it comes and goes as shares of the run, and how what it holds in MiB follows its age in such shares.
struct Process {
    from: f64,
    to: f64,
    begins_with: f64,
    warms_up_by: f64,
    leaks_per_run: f64,
}

impl Process {
    fn steady(from: f64, to: f64, mib: f64) -> Self {
        Self { from, to, begins_with: mib, warms_up_by: 0.0, leaks_per_run: 0.0 }
    }

    fn resident() -> Self {
        Self::steady(0.0, 1.0, 20.0)
    }

    fn holds(&self, age: f64) -> f64 {
        self.begins_with + self.warms_up_by * (1.0 - (-age / 0.03).exp()) + self.leaks_per_run * age
    }
}

/// Makes the processes of one run; the leaking one, if there is one, comes first.
type Scenario = fn(&mut Pcg64) -> Vec<Process>;

/// Four workers that warm up and are replaced, each after a tenth to a half of the run.
fn replaced(random: &mut Pcg64) -> Vec<Process> {
    let mut all = vec![Process::resident()];
    for _ in 0..4 {
        let mut from = 0.0;
        while from < 1.0 {
            let to = f64::min(1.0, from + random.random_range(0.1..0.5));
            all.push(Process { warms_up_by: 20.0, ..Process::steady(from, to, 10.0) });
            from = to;
        }
    }
    all
}

/// Two that stay, and jobs of 5 to 50 MiB that last 0.5 to 3 % of the run, one in each fiftieth of it.
fn jobs(random: &mut Pcg64) -> Vec<Process> {
    let mut all = vec![Process::resident(), Process::resident()];
    for _ in 0..50 {
        let from = random.random_range(0.0..1.0);
        let to = f64::min(1.0, from + random.random_range(0.005..0.03));
        all.push(Process::steady(from, to, random.random_range(5.0..50.0)));
    }
    all
}

fn doubles_once(random: &mut Pcg64) -> Vec<Process> {
    let at = random.random_range(0.2..0.7);
    let later = (0..3).map(|_| Process::steady(at, 1.0, 20.0));
    (0..3).map(|_| Process::resident()).chain(later).collect()
}

/// One of those that are replaced leaks, for 40 to 70 % of the run.
fn one_leaks_and_dies(random: &mut Pcg64, mib_per_run: f64) -> Vec<Process> {
    let from = random.random_range(0.0..0.3);
    let to = from + random.random_range(0.4..0.7);
    let leaking = Process { leaks_per_run: mib_per_run, ..Process::steady(from, to, 10.0) };
    std::iter::once(leaking).chain(replaced(random)).collect()
}

fn one_leaks_beside_jobs(random: &mut Pcg64, mib_per_run: f64) -> Vec<Process> {
    let leaking = Process { leaks_per_run: mib_per_run, ..Process::resident() };
    std::iter::once(leaking).chain(jobs(random)).collect()
}

fn larger_each_time(random: &mut Pcg64) -> Vec<Process> {
    let mut all = jobs(random);
    for job in all.iter_mut().skip(2) {
        job.begins_with *= 1.0 + 2.0 * job.from;
    }
    all
}

fn come_and_stay(random: &mut Pcg64) -> Vec<Process> {
    let later: Vec<Process> = (0..10).map(|_| Process::steady(random.random_range(0.0..1.0), 1.0, 20.0)).collect();
    std::iter::once(Process::resident()).chain(later).collect()
}

/// What is done, whether a process leaks by itself, and the processes.
const SCENARIOS: &[(&str, bool, Scenario)] = &[
    ("nothing leaks: workers warm up and are replaced", false, replaced),
    ("nothing leaks: short jobs of all sizes", false, jobs),
    ("nothing leaks: a pool doubles once", false, doubles_once),
    ("a worker leaks 10 MiB per run, and is replaced", true, |random| one_leaks_and_dies(random, 10.0)),
    ("a worker leaks 40 MiB per run, and is replaced", true, |random| one_leaks_and_dies(random, 40.0)),
    ("one that stays leaks 10 MiB per run, beside short jobs", true, |random| one_leaks_beside_jobs(random, 10.0)),
    ("one that stays leaks 40 MiB per run, beside short jobs", true, |random| one_leaks_beside_jobs(random, 40.0)),
    ("short jobs grow to three times their size", false, larger_each_time),
    ("ten processes come and never go", false, come_and_stay),
];

/// What each way of judging came to.
#[derive(Default)]
struct Counted {
    leak: u32,
    no_leak: u32,
}

impl Counted {
    fn count(&mut self, judgement: JudgementKind) {
        self.leak += u32::from(judgement == JudgementKind::Leak);
        self.no_leak += u32::from(judgement == JudgementKind::NoLeak);
    }

    fn shares(&self, runs: u32) -> String {
        let share = |count: u32| 100.0 * f64::from(count) / f64::from(runs);
        format!(
            "{:.1} % | {:.1} % | {:.1} %",
            share(self.leak),
            share(self.no_leak),
            share(runs - self.leak - self.no_leak)
        )
    }
}

fn column(scope: Scope, quantity: Quantity, points: impl Iterator<Item = (usize, f64)>) -> Column {
    let (t_s, values) = points.map(|(place, value)| (place as f64, value)).unzip();
    let series =
        SeriesRecord { number: SeriesNumber::default(), metric: "anon_swap_bytes".to_owned(), scope, quantity };
    Column { series, t_s, values, extremes: None, gaps: Vec::new() }
}

fn normal(random: &mut Pcg64) -> f64 {
    let (one, two): (f64, f64) = (random.random_range(f64::MIN_POSITIVE..1.0), random.random());
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}

/// The judgement of the sum alone, that with the processes, and whether the first process was named where one leaks: one that stays
/// is among those that are judged as one, and has no name.
fn run(processes: &[Process], random: &mut Pcg64) -> (JudgementKind, JudgementKind, bool) {
    let (mut sum, mut number) = (vec![0.0; LENGTH], vec![0.0; LENGTH]);
    let mut of_processes = Vec::new();
    for (place, process) in processes.iter().enumerate() {
        let mut noise = NOISE_MIB * normal(random);
        let mut points = Vec::new();
        for t in 0..LENGTH {
            let now = t as f64 / LENGTH as f64;
            if now < process.from || now >= process.to {
                continue;
            }
            noise = MEMORY * noise + NOISE_MIB * (1.0 - MEMORY * MEMORY).sqrt() * normal(random);
            let value = (process.holds(now - process.from) + noise).max(0.0) * MIB;
            sum[t] += value;
            number[t] += 1.0;
            if process.from == 0.0 || now - process.from >= RECORDED_FROM {
                points.push((t, value));
            }
        }
        if !points.is_empty() {
            let pid = u32::try_from(place).unwrap_or(u32::MAX);
            let scope = Scope::Process { pid, start_ticks: place as u64, name: "worker".to_owned() };
            of_processes.push(column(scope, Quantity::Bytes, points.into_iter()));
        }
    }
    let tree = column(Scope::Tree, Quantity::Bytes, sum.into_iter().enumerate());
    let population = column(Scope::Tree, Quantity::Count, number.into_iter().enumerate());
    let load = Window { from_s: 0.0, to_s: LENGTH as f64 };
    let phases = Phases { ready_s: 0.0, load, checkpoints: Vec::new(), restarts_s: Vec::new(), end_s: load.to_s };
    let question = Question::new(load.to_s);
    let Ok(of_sum) = series(&tree, &phases, &[], None).map(|series| judge(&series, &question)) else {
        return (JudgementKind::Inconclusive, JudgementKind::Inconclusive, false);
    };
    let told = judge_members(&tree, &of_processes, Some(&population), &phases, None, &question, &of_sum);
    let is_named = told.as_ref().and_then(|told| told.leaking.as_ref()).is_some_and(|life| life.pid == 0);
    (of_sum.judgement, told.map_or(of_sum.judgement, |told| told.judgement.judgement), is_named)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let runs = u32::try_from(arguments.next().unwrap_or(500)).unwrap_or(u32::MAX).max(1);
    let seed = arguments.next().unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("{runs} runs of each, seed {seed}\n");
    println!(
        "| | the sum alone: leak | no leak | undecided | with the processes: leak | no leak | undecided | named |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (place, (name, is_leak, scenario)) in SCENARIOS.iter().enumerate() {
        let mut random = Pcg64::seed_from_u64(seed.wrapping_add(place as u64));
        let (mut alone, mut with, mut named) = (Counted::default(), Counted::default(), 0);
        for _ in 0..runs {
            let processes = scenario(&mut random);
            let (of_sum, found, is_named) = run(&processes, &mut random);
            alone.count(of_sum);
            with.count(found);
            named += u32::from(is_named);
        }
        let named =
            if *is_leak { format!("{:.1} %", 100.0 * f64::from(named) / f64::from(runs)) } else { String::new() };
        println!("| {name} | {} | {} | {named} |", alone.shares(runs), with.shares(runs));
    }
}
