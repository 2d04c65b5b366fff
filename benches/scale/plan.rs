//! A plan for 10,000 districts and 50 million users, and a simulation of its nights.
//!
//! Pure: from what one run costs (the table of docs/scale.md) to Markdown. The same table gives the
//! same night on every machine, so that a test holds the page against it.

use std::fmt::Write;

/// What one run of a district of that size costs, as measured.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_mib: f64,
    pub(crate) written_mb: f64,
    pub(crate) store_mb: f64,
    pub(crate) report_mb: f64,
    pub(crate) messages: f64,
}

/// Which kind of run was measured, in the words of the table.
pub(crate) const NIGHTS: [&str; 4] = ["first load", "nothing changed", "day 2", "27% moved"];

/// The districts of the plan: how many, and users of each. Their costs are measured, not estimated.
pub(crate) const CLASSES: [(usize, u64); 5] =
    [(7000, 1_000), (2400, 5_000), (560, 30_000), (39, 300_000), (1, 2_500_000)];

/// The costs of each class and night, from the rows of the table in a page.
pub(crate) fn costs(page: &str) -> Result<[[Cost; 4]; 5], String> {
    let mut costs = [[None; 4]; 5];
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<String> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().replace(',', "")).collect();
        let [users, night, numbers @ ..] = cells.as_slice() else { continue };
        let Some(class) = CLASSES.iter().position(|(_, size)| size.to_string() == *users) else { continue };
        let Some(night) = NIGHTS.iter().position(|name| name == night) else { continue };
        let numbers: Vec<f64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
        let [wall, cpu, peak_mib, written_mb, store_mb, report_mb, messages] = numbers[..] else {
            return Err(format!("this row has not 7 figures: {row}"));
        };
        costs[class][night] = Some(Cost { wall, cpu, peak_mib, written_mb, store_mb, report_mb, messages });
    }
    let mut found = [[Cost::default(); 4]; 5];
    for (class, (_, users)) in CLASSES.iter().enumerate() {
        for (night, name) in NIGHTS.iter().enumerate() {
            found[class][night] = costs[class][night].ok_or(format!("no row for {users} users, {name}"))?;
        }
    }
    Ok(found)
}

// The night, in seconds since 18:00.
const HOUR: f64 = 3600.0;
/// Exports arrive from 18:00 on; most around 22:00, the last ones at 02:00.
const ARRIVE_UNTIL: f64 = 8.0 * HOUR;
/// One district in fifty is late, at any time until 06:00.
const LATE: u64 = 50;
const LATE_UNTIL: f64 = 12.0 * HOUR;
/// Everything should be applied and every message sent by 07:00.
const END: f64 = 13.0 * HOUR;

/// How the districts are placed.
struct Layout {
    name: &'static str,
    /// Runs at the same time, each on one core.
    slots: usize,
    /// Districts that one job of the engine runs one after the other; 1 for `fleet run --jobs`.
    group: usize,
    /// Seconds before such a job begins: a pod is started, a volume attached. An assumption.
    start: f64,
    /// When a round begins; it waits for the round before.
    rounds: &'static [f64],
}

const HOURLY: &[f64] = &[2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.];
const LAYOUTS: [Layout; 5] = [
    Layout {
        name: "one host, `fleet run --jobs 2`, each hour",
        slots: 2,
        group: 1,
        start: 0.0,
        rounds: HOURLY,
    },
    Layout {
        name: "one host, `fleet run --jobs 4`, each hour",
        slots: 4,
        group: 1,
        start: 0.0,
        rounds: HOURLY,
    },
    Layout {
        name: "100 shards, 10 pods at a time, each hour",
        slots: 10,
        group: 100,
        start: 20.0,
        rounds: HOURLY,
    },
    Layout {
        name: "a pod for each district, 50 at a time, each hour",
        slots: 50,
        group: 1,
        start: 20.0,
        rounds: HOURLY,
    },
    Layout {
        name: "a pod for each district, 50 at a time, once at 02:00",
        slots: 50,
        group: 1,
        start: 20.0,
        rounds: &[8.0],
    },
];
/// What the plan has, for the last table.
const PLANNED: usize = 1;
const MEMORY_MIB: f64 = 8192.0;
const DISK_MB_S: f64 = 100.0;
const PACE: f64 = 2000.0;

/// Messages a minute that a mail relay or a gateway takes of all districts together.
const PACES: [f64; 4] = [500.0, 1000.0, 2000.0, 5000.0];

struct District {
    class: usize,
    arrives: f64,
}

/// A number below one that is the same on every machine.
fn chance(number: u64, salt: u64) -> f64 {
    let mut z =
        number.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    f64::from((z >> 32) as u32) / 4_294_967_296.0
}

/// All districts, the sizes mixed.
fn districts() -> Vec<District> {
    let mut all: Vec<District> = Vec::new();
    for (class, (count, _)) in CLASSES.iter().enumerate() {
        for _ in 0..*count {
            let number = all.len() as u64;
            let arrives = if number.is_multiple_of(LATE) {
                ARRIVE_UNTIL + chance(number, 1) * (LATE_UNTIL - ARRIVE_UNTIL)
            } else {
                f64::midpoint(chance(number, 2), chance(number, 3)) * ARRIVE_UNTIL
            };
            all.push(District { class, arrives });
        }
    }
    // By a number that says nothing of the size.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| chance(*a as u64, 4).total_cmp(&chance(*b as u64, 4)));
    order
        .into_iter()
        .map(|number| District { class: all[number].class, arrives: all[number].arrives })
        .collect()
}

/// What a simulated night was like.
#[derive(Default)]
struct Outcome {
    /// From the arrival of an export to the end of the run that applied it.
    delays: Vec<f64>,
    last: f64,
    missed: usize,
    longest_round: f64,
    peak_mib: f64,
    core_seconds: f64,
    written_mb: f64,
    /// When a run queued so many messages.
    mail: Vec<(f64, f64)>,
}

/// One night in which every export brings the night of that number.
fn simulate(layout: &Layout, costs: &[[Cost; 4]; 5], brings: usize) -> Outcome {
    let districts = districts();
    let mut applied = vec![false; districts.len()];
    let mut outcome = Outcome::default();
    let mut changes: Vec<(f64, f64)> = Vec::new();
    let mut free = vec![0.0_f64; layout.slots];
    for round in layout.rounds {
        let begin = free.iter().copied().fold(round * HOUR, f64::max);
        free.fill(begin);
        for (first, group) in
            districts.chunks(layout.group).enumerate().map(|(n, group)| (n * layout.group, group))
        {
            // The slot that is free first takes the next job.
            let slot = (0..free.len()).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap_or_default();
            let mut now = free[slot] + layout.start;
            for (number, district) in group.iter().enumerate().map(|(n, district)| (first + n, district)) {
                let is_new = !applied[number] && district.arrives <= now;
                // Before its first load a district has nothing to read.
                if brings == 0 && !is_new && !applied[number] {
                    continue;
                }
                let cost = &costs[district.class][if is_new { brings } else { 1 }];
                // On one core the threads of a run take turns.
                let end = now + cost.cpu.max(cost.wall);
                changes.extend([(now, cost.peak_mib), (end, -cost.peak_mib)]);
                outcome.core_seconds += cost.cpu;
                outcome.written_mb += cost.written_mb;
                now = end;
                if is_new {
                    applied[number] = true;
                    outcome.delays.push(end - district.arrives);
                    outcome.last = outcome.last.max(end);
                    outcome.mail.push((end, cost.messages));
                }
            }
            free[slot] = now;
        }
        let end = free.iter().copied().fold(begin, f64::max);
        outcome.longest_round = outcome.longest_round.max(end - begin);
    }
    outcome.missed = applied.iter().filter(|applied| !**applied).count();
    outcome.delays.sort_by(f64::total_cmp);
    changes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut memory = 0.0;
    for (_, change) in changes {
        memory += change;
        outcome.peak_mib = outcome.peak_mib.max(memory);
    }
    outcome.mail.sort_by(|a, b| a.0.total_cmp(&b.0));
    outcome
}

/// When the last message of these has been sent, at so many a minute.
fn drained(mail: &[(f64, f64)], pace: f64) -> f64 {
    mail.iter().fold(0.0, |until, (queued, count)| f64::max(until, *queued) + count * 60.0 / pace)
}

/// Seconds since 18:00 as the time of the day.
fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil() as u64 + 18 * 60;
    let day = match minutes / (24 * 60) {
        0 | 1 => String::new(),
        2 => ", a day later".to_owned(),
        days => format!(", {} days later", days - 1),
    };
    format!("{:02}:{:02}{day}", minutes / 60 % 24, minutes % 60)
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The tables of the plan.
pub(crate) fn markdown(costs: &[[Cost; 4]; 5]) -> String {
    let mut text = String::new();
    sums(&mut text, costs);
    nights(&mut text, costs);
    let planned = simulate(&LAYOUTS[PLANNED], costs, 2);
    mail(&mut text, &planned);
    saturation(&mut text, &planned);
    text
}

/// What all districts need together.
fn sums(text: &mut String, costs: &[[Cost; 4]; 5]) {
    let sum = |night: usize, of: fn(&Cost) -> f64| -> f64 {
        CLASSES.iter().zip(costs).map(|((count, _), costs)| *count as f64 * of(&costs[night])).sum()
    };
    let _ =
        writeln!(text, "| all districts together | CPU minutes | written GB | messages |\n|---|---|---|---|");
    for (night, name) in NIGHTS.iter().enumerate() {
        let (cpu, written) =
            (sum(night, |cost| cost.cpu) / 60.0, sum(night, |cost| cost.written_mb) / 1000.0);
        let messages = grouped(sum(night, |cost| cost.messages));
        let _ = writeln!(text, "| {name} | {cpu:.1} | {written:.0} | {messages} |");
    }
    let (stores, reports) = (sum(2, |cost| cost.store_mb) / 1000.0, sum(2, |cost| cost.report_mb) / 1000.0);
    let _ = writeln!(
        text,
        "\nThe stores of all districts take {stores:.0} GB, the reports of one night {reports:.0} GB.\n"
    );
}

/// When exports are applied, by layout and kind of night.
fn nights(text: &mut String, costs: &[[Cost; 4]; 5]) {
    let _ = writeln!(
        text,
        "| layout | night | last export applied | half of them within | all within | longest round | memory | not applied |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for layout in &LAYOUTS {
        for (brings, name) in [(2, "day 2"), (3, "27% moved"), (0, "first load")] {
            let found = simulate(layout, costs, brings);
            let minutes = |seconds: Option<&f64>| seconds.map_or(0.0, |seconds| seconds / 60.0);
            let _ = writeln!(
                text,
                "| {} | {name} | {} | {:.0} min | {:.0} min | {:.0} min | {} MiB | {} |",
                layout.name,
                clock(found.last),
                minutes(found.delays.get(found.delays.len() / 2)),
                minutes(found.delays.last()),
                found.longest_round / 60.0,
                grouped(found.peak_mib),
                found.missed,
            );
        }
    }
    let _ = writeln!(text);
}

/// When the messages of day 2 have been sent.
fn mail(text: &mut String, night: &Outcome) {
    let count: f64 = night.mail.iter().map(|(_, count)| count).sum();
    let _ = writeln!(
        text,
        "| messages a minute, all districts together | {} messages sent by |\n|---|---|",
        grouped(count)
    );
    for pace in PACES {
        let _ = writeln!(text, "| {} | {} |", grouped(pace), clock(drained(&night.mail, pace)));
    }
    let _ = writeln!(text);
}

/// What the planned layout has, and how much of it day 2 takes: the first row saturates first.
fn saturation(text: &mut String, night: &Outcome) {
    let layout = &LAYOUTS[PLANNED];
    let first = layout.rounds.first().map_or(0.0, |hour| hour * HOUR);
    let window = END - first;
    let mail: f64 = night.mail.iter().map(|(_, count)| count).sum();
    let mut shares = [
        (format!("mail relay, {} messages a minute", grouped(PACE)), mail / (PACE * window / 60.0)),
        (format!("{} cores", layout.slots), night.core_seconds / (layout.slots as f64 * window)),
        (format!("{} MiB of memory, at the worst moment", grouped(MEMORY_MIB)), night.peak_mib / MEMORY_MIB),
        (format!("a disk that writes {DISK_MB_S} MB a second"), night.written_mb / (DISK_MB_S * window)),
    ];
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let _ = writeln!(
        text,
        "| {}, from {} to {} | day 2 takes |\n|---|---|",
        layout.name,
        clock(first),
        clock(END)
    );
    for (name, share) in shares {
        let _ = writeln!(text, "| {name} | {:.1}% |", share * 100.0);
    }
}
