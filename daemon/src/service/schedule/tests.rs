//! Changes of clocks, what a service does that was down, and that nothing is done twice or left out.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::due::{MOST_COUNTED, ON_TIME};
use super::*;

// Rules rather than names: they are the same on a host without time zone files, and in years to come.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
/// Half an hour of summer time.
const LORD_HOWE: &str = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
/// Clocks change at midnight, so that a day begins at one.
const BEIRUT: &str = "EET-2EEST,M3.5.0/0,M10.5.0/0";
const ZONES: &[&str] = &["UTC0", BERLIN, NEW_YORK, LORD_HOWE, BEIRUT];

fn zone(rules: &str) -> TimeZone {
    TimeZone::posix(rules).unwrap()
}

fn entry(when: &str) -> ScheduleEntry {
    let text = format!("[[schedule]]\nname = 'nightly'\nprofile = 'p'\nwhen = '{when}'\n");
    crate::service::config::Config::parse(&text, "t").unwrap().schedules.remove(0)
}

fn schedule(when: &str, rules: &str) -> Schedule {
    Schedule::new(&entry(when), &zone(rules), "host")
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// All that is planned after the first time and up to the second.
fn planned(schedule: &Schedule, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let next = |time: &Timestamp| schedule.planned_after(*time).filter(|planned| *planned <= until);
    std::iter::successors(next(&after), next).collect()
}

/// What is planned on a day, by the clock on the wall with its offset.
fn day(when: &str, rules: &str, day: &str) -> String {
    let schedule = schedule(when, rules);
    let start = format!("{day}T00:00").parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone(rules)).unwrap();
    let end = start.tomorrow().unwrap().start_of_day().unwrap();
    let before = start.timestamp() - SignedDuration::from_secs(1);
    let times = planned(&schedule, before, end.timestamp() - SignedDuration::from_secs(1));
    let shown = times.iter().map(|time| time.to_zoned(zone(rules)).strftime("%H:%M%:z").to_string());
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_time_that_does_not_exist_is_due_right_after_the_gap() {
    assert_eq!(day("30 2 * * *", BERLIN, "2026-03-28"), "02:30+01:00");
    assert_eq!(day("30 2 * * *", BERLIN, "2026-03-29"), "03:00+02:00");
    assert_eq!(day("30 2 * * *", BERLIN, "2026-03-30"), "02:30+02:00");
    assert_eq!(day("30 2 * * *", NEW_YORK, "2026-03-08"), "03:00-04:00");
    assert_eq!(day("15 2 * * *", LORD_HOWE, "2026-10-04"), "02:30+11:00");
    assert_eq!(day("0 0 * * *", BEIRUT, "2026-03-29"), "01:00+03:00");
}

#[test]
fn the_times_of_one_gap_are_one_occurrence() {
    assert_eq!(day("0,20,40 2 * * *", BERLIN, "2026-03-29"), "03:00+02:00");
    assert_eq!(day("0 2,3 * * *", BERLIN, "2026-03-29"), "03:00+02:00");
    assert_eq!(day("0 1-4 * * *", BERLIN, "2026-03-29"), "01:00+01:00 03:00+02:00 04:00+02:00");
}

/// What is planned after the first time and up to the second, found by looking at each minute.
fn by_looking_at_each_minute(schedule: &Schedule, after: Timestamp, until: Timestamp) -> BTreeSet<Timestamp> {
    let minutes = |from: i64, to: i64| (from.div_euclid(60) + 1..=to.div_euclid(60)).map(|minute| minute * 60);
    let names = |wall: jiff::civil::DateTime| {
        let before = wall.checked_sub(SignedDuration::from_secs(1)).unwrap();
        schedule.when.next_on_wall(before, false) == Some(wall)
    };
    let moment = |seconds| Timestamp::from_second(seconds).unwrap();
    let is_within = |moment: &Timestamp| *moment > after && *moment <= until;
    if schedule.when.goes_on() {
        let all = minutes(after.as_second(), until.as_second()).map(moment);
        return all.filter(|moment| names(schedule.zone.to_datetime(*moment))).collect();
    }
    // Each minute that the wall could show, in a zone of its own; then the first moment at which the wall shows that or more.
    let day = 86_400;
    let walls =
        minutes(after.as_second() - day, until.as_second() + day).map(|wall| TimeZone::UTC.to_datetime(moment(wall)));
    let moments = walls.filter(|wall| names(*wall)).filter_map(|wall| {
        let about = TimeZone::UTC.to_timestamp(wall).unwrap().as_second();
        minutes(about - day, about + day).map(moment).find(|moment| schedule.zone.to_datetime(*moment) >= wall)
    });
    moments.filter(is_within).collect()
}

#[test]
fn a_fixed_time_that_exists_twice_is_due_at_the_first() {
    assert_eq!(day("30 2 * * *", BERLIN, "2026-10-25"), "02:30+02:00");
    assert_eq!(day("30 1 * * *", NEW_YORK, "2026-11-01"), "01:30-04:00");
    assert_eq!(day("45 1 * * *", LORD_HOWE, "2026-04-05"), "01:45+11:00");
    assert_eq!(day("30 23 * * *", BEIRUT, "2026-10-24"), "23:30+03:00");
}

#[test]
fn what_goes_on_all_the_time_goes_on_through_both_and_has_nothing_to_make_up_for() {
    assert_eq!(
        day("*/30 1-3 * * *", BERLIN, "2026-10-25"),
        "01:00+02:00 01:30+02:00 02:00+02:00 02:30+02:00 02:00+01:00 02:30+01:00 03:00+01:00 03:30+01:00"
    );
    assert_eq!(day("*/30 1-3 * * *", BERLIN, "2026-03-29"), "01:00+01:00 01:30+01:00 03:00+02:00 03:30+02:00");
    assert_eq!(
        day("*/15 1-2 * * *", LORD_HOWE, "2026-10-04"),
        "01:00+10:30 01:15+10:30 01:30+10:30 01:45+10:30 02:30+11:00 02:45+11:00"
    );
    assert_eq!(day("*/15 2 * * *", BERLIN, "2026-03-29"), "");
}

/// The files of zones tell their changes another way than rules do.
#[test]
fn zones_by_name_mean_what_their_rules_mean() {
    let (start, end) = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
    let names = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
    for (name, rules) in names.into_iter().zip([BERLIN, NEW_YORK, LORD_HOWE]) {
        let named = TimeZone::get(name).unwrap();
        for when in ["15 1,2 * * *", "*/20 1-3 * * 0"] {
            let by_name = Schedule::new(&entry(when), &named, "host");
            let by_rules = schedule(when, rules);
            assert_eq!(planned(&by_name, start, end), planned(&by_rules, start, end), "{name} {when}");
        }
    }
}

#[test]
fn words_stand_for_expressions() {
    let at = |when| day(when, BERLIN, "2026-03-01");
    assert_eq!(at("@nightly"), "00:30+01:00");
    assert_eq!(at("@daily"), "00:00+01:00");
    assert_eq!(at("@weekly"), "00:00+01:00");
    assert_eq!(at("@monthly"), "00:00+01:00");
    assert_eq!(at("@hourly").split(' ').count(), 24);
    assert_eq!(day("@weekly", BERLIN, "2026-03-02"), "");
    assert_eq!(When::parse(" @Nightly ").unwrap().describe(), "At 00:30.");
}

#[test]
fn seconds_stand_in_front() {
    let schedule = schedule("*/20 0 12 * * *", "UTC0");
    let noon = planned(&schedule, time("2026-01-01T00:00:00Z"), time("2026-01-02T00:00:00Z"));
    assert_eq!(noon, ["2026-01-01T12:00:00Z", "2026-01-01T12:00:20Z", "2026-01-01T12:00:40Z"].map(time));
}

#[test]
fn what_is_no_expression_is_refused_with_its_reason() {
    let reason = |text| When::parse(text).unwrap_err().to_string();
    let wrong = [
        "",
        "30 2 * *",
        "0 0 0 1 1 * 2026",
        "60 2 * * *",
        "30 24 * * *",
        "x * * * *",
        "@reboot",
        "0 0 31 2 *",
        "0 0 30 2 *",
        "*/0 * * * *",
        "5-1 * * * *",
    ];
    let told: Vec<String> = wrong.into_iter().map(|text| format!("`{text}`: {}", reason(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(When::parse("0 0 29 2 *").is_ok());
    assert!(When::parse("0 0 * * FRI#5").is_ok());
    assert!(When::parse("0 0 29 2 +MON").is_ok());
}

/// What is handed out when a service asks at `now`, having handled all up to `until`.
fn due(schedule: &Schedule, until: &str, now: &str) -> Due {
    let handled = schedule.due(None, time(until)).handled;
    schedule.due(Some(&handled), time(now))
}

#[test]
fn a_schedule_that_is_new_has_missed_nothing() {
    let schedule = schedule("30 2 * * *", "UTC0");
    let due = schedule.due(None, time("2026-01-01T12:00:00Z"));
    assert_eq!((due.run, due.missed, due.told), (None, 0, None));
    assert_eq!(due.handled.until, time("2026-01-01T12:00:00Z"));
    assert_eq!(due.next.unwrap().at, time("2026-01-02T02:30:00Z"));
}

#[test]
fn missed_starts_are_caught_up_once_or_skipped_with_a_sentence() {
    let once = schedule("30 2 * * *", BERLIN);
    let skip = Schedule { missed: Missed::Skip, ..once.clone() };
    let late = Schedule { late: Some(Duration::from_secs(6 * 3600)), ..once.clone() };
    let often = schedule("*/10 * * * *", BERLIN);
    let often_skipped = Schedule { missed: Missed::Skip, ..often.clone() };
    let before = "2026-06-01T12:00:00Z";
    let cases = [
        ("in time", &once, "2026-06-02T00:30:02Z"),
        ("in time after an upgrade", &skip, "2026-06-02T00:35:00Z"),
        ("one, once", &once, "2026-06-02T06:00:00Z"),
        ("one, skip", &skip, "2026-06-02T06:00:00Z"),
        ("one, not too late", &late, "2026-06-02T06:30:00Z"),
        ("one, too late", &late, "2026-06-02T06:30:01Z"),
        ("three, once", &once, "2026-06-04T10:00:00Z"),
        ("three, skip", &skip, "2026-06-04T10:00:00Z"),
        ("many, the last in time, once", &often, "2026-06-02T00:01:00Z"),
        ("many, the last in time, skip", &often_skipped, "2026-06-02T00:01:00Z"),
        ("a clock in another century, once", &often, "2126-06-02T00:09:00Z"),
        ("a clock in another century, skip", &often_skipped, "2126-06-02T00:09:00Z"),
    ];
    let told: Vec<String> = cases
        .into_iter()
        .map(|(case, schedule, now)| {
            let due = due(schedule, before, now);
            let run = due.run.map_or("nothing".to_owned(), |run| run.planned.to_string());
            format!("{case}: runs {run}, missed {}\n  {}", due.missed, due.told.unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_clock_that_is_set_back_repeats_nothing_and_one_that_was_wrong_is_forgotten() {
    let schedule = schedule("30 2 * * *", "UTC0");
    let back = due(&schedule, "2026-06-02T02:30:00Z", "2026-06-02T01:00:00Z");
    assert_eq!((back.run, back.missed, back.told), (None, 0, None));
    assert_eq!(back.next.unwrap().at, time("2026-06-03T02:30:00Z"));

    let wrong = due(&schedule, "2099-01-01T02:30:00Z", "2026-06-02T01:00:00Z");
    assert_eq!((&wrong.run, wrong.missed), (&None, 0));
    assert_eq!(wrong.next.unwrap().at, time("2026-06-02T02:30:00Z"));
    insta::assert_snapshot!(wrong.told.unwrap(), @"the clock was set back: `nightly` had come as far as 2099-01-01 02:30 UTC, and goes on from now");
    let again = schedule.due(Some(&wrong.handled), time("2026-06-02T01:00:30Z"));
    assert_eq!(again.told, None);
}

#[test]
fn a_board_that_begins_in_1970_until_it_is_told_the_time_runs_nothing_again() {
    let schedule = schedule("30 2 * * *", "UTC0");
    let before = due(&schedule, "2026-06-02T00:00:00Z", "2026-06-02T02:30:00Z");
    assert!(before.run.is_some());
    let booted = schedule.due(Some(&before.handled), time("1970-01-01T00:00:20Z"));
    assert!(booted.run.is_none() && booted.told.is_some());
    let told = schedule.due(Some(&booted.handled), time("2026-06-02T02:40:00Z"));
    assert_eq!((&told.run, told.missed, &told.told), (&None, 0, &None));
    assert_eq!(told.next.unwrap().at, time("2026-06-03T02:30:00Z"));
    assert_eq!(told.handled, before.handled);
    // A night for which it is off is missed as any other.
    let later = schedule.due(Some(&booted.handled), time("2026-06-03T06:00:00Z"));
    assert_eq!((later.run.map(|run| run.planned), later.missed), (Some(time("2026-06-03T02:30:00Z")), 0));
}

#[test]
fn a_clock_that_nobody_can_follow_is_not_remembered_without_end() {
    let schedule = schedule("30 2 * * *", "UTC0");
    let mut handled = schedule.due(None, time("2200-01-01T00:00:00Z")).handled;
    for year in (2000..2100).rev() {
        handled = schedule.due(Some(&handled), time(&format!("{year}-01-01T00:00:00Z"))).handled;
    }
    assert_eq!(handled.ahead.len(), 8);
    let reached = schedule.due(Some(&handled), time("2300-01-01T00:00:00Z"));
    assert!(reached.handled.ahead.is_empty());
}

#[test]
fn other_times_and_times_while_it_is_switched_off_were_not_missed() {
    let old = schedule("30 2 * * *", "UTC0");
    let handled = old.due(None, time("2026-06-01T12:00:00Z")).handled;
    let now = time("2026-06-02T12:00:00Z");
    let new = schedule("0 9 * * *", "UTC0").due(Some(&handled), now);
    assert_eq!((&new.run, new.missed), (&None, 0));
    insta::assert_snapshot!(new.told.unwrap(), @"`nightly` has other times than before, and has missed none of them");
    assert_eq!(new.next.unwrap().at, time("2026-06-03T09:00:00Z"));

    let off = Schedule { is_enabled: false, ..old.clone() };
    let while_off = off.due(Some(&handled), now);
    assert_eq!((&while_off.run, while_off.missed, while_off.next), (&None, 0, None));
    assert_eq!(off.next_after(now), None);
    let on_again = old.due(Some(&while_off.handled), now);
    assert_eq!((on_again.run, on_again.missed), (None, 0));
}

#[test]
fn jitter_puts_off_and_keeps_the_planned_time_as_identity() {
    let mut entry = entry("30 2 * * *");
    entry.jitter = Duration::from_secs(3600);
    let schedule = Schedule::new(&entry, &TimeZone::UTC, "host");
    let planned = time("2026-06-02T02:30:00Z");
    let start = schedule.start(planned);
    assert!(start > planned && start < planned + SignedDuration::from_hours(1), "{start}");
    let second = SignedDuration::from_secs(1);
    let before = due(&schedule, "2026-06-01T12:00:00Z", &(start - second).to_string());
    assert_eq!((before.run, before.next.map(|next| next.at)), (None, Some(start)));
    let at = due(&schedule, "2026-06-01T12:00:00Z", &start.to_string());
    assert_eq!(at.run, Some(Occurrence { name: "nightly".to_owned(), planned }));
    assert_eq!(at.handled.until, planned);
    assert_eq!(at.run.unwrap().to_string(), "nightly@2026-06-02T02:30:00Z");
    assert_eq!(schedule.next_after(planned), Some(start));
    assert_eq!(schedule.next_after(start - second), Some(start));
    assert!(schedule.next_after(start).is_some_and(|next| next > start + SignedDuration::from_hours(22)));
    let elsewhere = Schedule::new(&entry, &TimeZone::UTC, "other host");
    assert_ne!(elsewhere.start(planned), start);
}

#[test]
fn what_is_kept_is_read_again() {
    let handled = schedule("@daily", BERLIN).due(None, time("2026-06-02T02:30:00.5Z")).handled;
    let text = serde_json::to_string(&handled).unwrap();
    assert_eq!(text, r#"{"plan":"@daily system","until":"2026-06-02T02:30:00.5Z"}"#);
    assert_eq!(serde_json::from_str::<Handled>(&text).unwrap(), handled);
}

/// Expressions of every kind: fixed and going on, rare and frequent.
fn expressions() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        (0..60u32).prop_map(|minute| minute.to_string()),
        Just("*".to_owned()),
        (1..40u32).prop_map(|step| format!("*/{step}")),
        (0..30u32, 30..60u32).prop_map(|(low, high)| format!("{low},{high}")),
        (0..30u32, 30..60u32).prop_map(|(low, high)| format!("{low}-{high}")),
    ];
    let hour = prop_oneof![
        3 => (0..4u32).prop_map(|hour| hour.to_string()),
        1 => (0..24u32).prop_map(|hour| hour.to_string()),
        1 => Just("*".to_owned()),
        1 => (1..12u32).prop_map(|step| format!("*/{step}")),
        1 => (0..12u32, 12..24u32).prop_map(|(low, high)| format!("{low}-{high}")),
    ];
    let days = prop_oneof![
        5 => Just("* * *".to_owned()),
        1 => (1..29u32).prop_map(|day| format!("{day} * *")),
        1 => (0..7u32).prop_map(|day| format!("* * {day}")),
        1 => Just("L * *".to_owned()),
        1 => Just("1 3,10 *".to_owned()),
        1 => Just("* 3,4,10,11 0".to_owned()),
    ];
    (minute, hour, days).prop_map(|(minute, hour, days)| format!("{minute} {hour} {days}"))
}

/// Seconds around a change of clocks in some zone, or anywhere within some years.
fn moments() -> impl Strategy<Value = i64> {
    let changes = [
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-11-01T06:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-04-04T15:00:00Z",
        "2026-03-28T22:00:00Z",
        "2026-10-24T21:00:00Z",
    ]
    .map(|text| time(text).as_second());
    let around = (proptest::sample::select(changes.to_vec()), -100_000..100_000i64);
    prop_oneof![3 => around.prop_map(|(change, offset)| change + offset), 1 => 1_760_000_000..1_900_000_000i64]
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let late = proptest::option::of((1..200_000u64).prop_map(Duration::from_secs));
    let jitter = prop_oneof![Just(0), 1..100_000u64].prop_map(Duration::from_secs);
    (expressions(), proptest::sample::select(ZONES.to_vec()), jitter, any::<bool>(), late).prop_map(
        |(when, rules, jitter, is_once, late)| {
            let mut entry = entry("@daily");
            entry.when = When::parse(&when).unwrap();
            entry.jitter = jitter;
            entry.missed = if is_once { Missed::Once } else { Missed::Skip };
            entry.late = late;
            Schedule::new(&entry, &zone(rules), "host")
        },
    )
}

/// Steps of a clock in seconds: short ones as of a service that polls, long ones as of one that was down.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![4 => 0..400i64, 3 => 400..20_000i64, 1 => 20_000..300_000i64];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    // Looking at each minute takes its time.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What the wall names is found, no more and no less, also around changes of clocks.
    #[test]
    fn planned_times_are_those_that_the_wall_names(schedule in schedules(), start in moments()) {
        let start = Timestamp::from_second(start).unwrap();
        let until = start + SignedDuration::from_hours(30);
        let found: BTreeSet<Timestamp> = planned(&schedule, start, until).into_iter().collect();
        prop_assert_eq!(found, by_looking_at_each_minute(&schedule, start, until));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The planned times do not depend on from where they are looked for.
    #[test]
    fn planned_times_are_the_same_from_everywhere(schedule in schedules(), start in moments(), share in 0.0..1.0f64) {
        let start = Timestamp::from_second(start).unwrap();
        let mut before = start;
        for planned in planned(&schedule, start, start + SignedDuration::from_hours(80)).into_iter().take(60) {
            let gap_s = planned.as_second() - before.as_second();
            let within = before + SignedDuration::from_secs((gap_s as f64 * share) as i64);
            prop_assert_eq!(schedule.planned_after(within.min(planned - SignedDuration::from_secs(1))), Some(planned));
            prop_assert!(schedule.start(planned) >= planned);
            prop_assert!(schedule.planned_after(planned).is_none_or(|next| schedule.start(planned) < next));
            before = planned;
        }
        let until = start + SignedDuration::from_hours(80);
        let all = planned(&schedule, start, until);
        prop_assert_eq!(schedule.last_planned(start, until), all.last().copied());
    }

    /// The start that is told is the first one after now.
    #[test]
    fn the_next_start_is_the_first_one(schedule in schedules(), now in moments()) {
        let now = Timestamp::from_second(now).unwrap();
        let long_before = seconds_before(now, schedule.jitter_s + 1);
        let starts = planned(&schedule, long_before, now).into_iter().chain(schedule.planned_after(now));
        let first = starts.map(|planned| schedule.start(planned)).find(|start| *start > now);
        prop_assert_eq!(schedule.next_after(now), first);
    }

    /// Whenever it is asked, and however often it is started again: all that was planned is handled once, in its order.
    #[test]
    fn each_occurrence_is_handled_once(schedule in schedules(), start in moments(), steps in steps()) {
        let start = Timestamp::from_second(start).unwrap();
        let mut kept = schedule.due(None, start).handled;
        let mut now = start;
        for step in steps {
            now += SignedDuration::from_secs(step);
            let before = kept.until;
            let due = schedule.due(Some(&kept), now);
            // A service that is killed right afterwards finds what was kept, and one that was killed before asks the same again.
            prop_assert_eq!(&schedule.due(Some(&kept), now), &due);
            kept = serde_json::from_str(&serde_json::to_string(&due.handled).unwrap()).unwrap();
            prop_assert_eq!(&schedule.due(Some(&kept), now).run, &None);

            let handled = planned(&schedule, before, now).into_iter().filter(|planned| schedule.start(*planned) <= now);
            let handled: Vec<Timestamp> = handled.collect();
            prop_assert_eq!(handled.last().copied().unwrap_or(before), kept.until);
            let run = due.run.as_ref().map(|run| run.planned);
            prop_assert!(run.is_none() || run == handled.last().copied());
            let others = handled.len() - usize::from(run.is_some());
            prop_assert_eq!(due.missed as usize, others.min(MOST_COUNTED as usize));
            if let (Some(last), None) = (handled.last(), run) {
                let late = Duration::try_from(now.duration_since(schedule.start(*last))).unwrap();
                prop_assert!(late > ON_TIME);
                prop_assert!(schedule.missed == Missed::Skip || schedule.late.is_some_and(|most| late > most));
                prop_assert!(due.told.is_some());
            }
            let next = planned(&schedule, kept.until, now).first().copied().or_else(|| schedule.planned_after(kept.until.max(now)));
            prop_assert_eq!(due.next.map(|next| next.planned), next);
            prop_assert!(due.next.is_none_or(|next| next.at > now));
        }
    }

    /// A service that is never away runs all of it.
    #[test]
    fn a_service_that_is_never_away_runs_each_occurrence(schedule in schedules(), start in moments()) {
        let start = Timestamp::from_second(start).unwrap();
        let mut due = schedule.due(None, start);
        let mut run = Vec::new();
        while let Some(next) = due.next.filter(|_| run.len() < 30) {
            due = schedule.due(Some(&due.handled), next.at);
            prop_assert_eq!((due.missed, &due.told), (0, &None));
            run.extend(due.run.as_ref().map(|run| run.planned));
        }
        let expected: Vec<Timestamp> = std::iter::successors(schedule.planned_after(start), |time| schedule.planned_after(*time)).take(run.len()).collect();
        prop_assert_eq!(run, expected);
    }

    /// Clocks that are set back and forth: with a queue that knows what it has had, nothing runs twice.
    #[test]
    fn nothing_runs_twice_whatever_the_clock_does(schedule in schedules(), nows in proptest::collection::vec(moments(), 1..30)) {
        let mut kept: Option<Handled> = None;
        let mut queue = BTreeSet::new();
        let mut was_wrong = false;
        for now in nows {
            let now = Timestamp::from_second(now).unwrap();
            let due = schedule.due(kept.as_ref(), now);
            if let Some(run) = &due.run {
                // The queue is needed only where the clock was more than a day behind in between.
                prop_assert!(queue.insert(run.clone()) || was_wrong);
                prop_assert!(schedule.start(run.planned) <= now);
            }
            let went_back = kept.is_some_and(|kept| due.handled.until < kept.until);
            prop_assert!(!went_back || due.told.is_some());
            was_wrong |= went_back;
            prop_assert!(due.handled.until.as_second() - now.as_second() <= 86_400);
            kept = Some(due.handled);
        }
    }

    #[test]
    fn any_text_is_an_expression_or_is_not(text in prop_oneof![any::<String>(), "[@0-9*/,#LWA-Z? -]{0,24}"]) {
        if let Ok(when) = When::parse(&text) {
            prop_assert!(!when.describe().is_empty());
        }
    }
}
