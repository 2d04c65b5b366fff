//! Wall seconds over users, both on logarithmic scales, as an SVG written by hand: a job that grows
//! in proportion is a straight line, and parallel to all others that do.
//!
//! Colours follow the reader's light or dark scheme. Each line is named where it ends, so that
//! readers need not match a legend by colour.

use std::fmt::Write;

use crate::table::Size;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 600.0;
/// Of the area inside the axes.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 650.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 540.0;
/// Between the names of two lines.
const NAME_HEIGHT: f64 = 17.0;

/// One for each of the program's jobs, on light and on dark ground.
const COLOURS: [(&str, &str); 8] = [
    ("#0b62a4", "#6cb6ff"),
    ("#1b7a3d", "#7ee787"),
    ("#b3470e", "#ff9e64"),
    ("#8b1a8b", "#e5a5ff"),
    ("#8a6100", "#f2cc60"),
    ("#c2185b", "#ff7eb6"),
    ("#00707f", "#56d4dd"),
    ("#5b4a3f", "#c9b8ab"),
];

/// A logarithmic scale: from what is measured to where it is drawn.
struct Scale {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Scale {
    /// Room for all values, with a little at both ends; half a decade around a single one.
    fn over(values: &[f64], begin: f64, end: f64) -> Self {
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value.log10()), high.max(value.log10()))
        });
        let room = if high - low < 0.01 { 0.5 } else { (high - low) * 0.04 };
        Self { from: low - room, to: high + room, begin, end }
    }

    fn place(&self, value: f64) -> f64 {
        self.begin + (value.log10() - self.from) / (self.to - self.from) * (self.end - self.begin)
    }

    /// Values of this digit in every decade that is in sight.
    fn ticks(&self, digit: f64) -> Vec<f64> {
        let decades = self.from.floor() as i32..=self.to.ceil() as i32;
        let is_in_sight = |value: &f64| (self.from..=self.to).contains(&value.log10());
        decades.map(|decade| digit * 10_f64.powi(decade)).filter(is_in_sight).collect()
    }
}

/// A job over all sizes at which it was measured.
struct Line {
    name: String,
    class: String,
    points: Vec<(f64, f64)>,
}

/// The whole plot.
pub(crate) fn draw(sizes: &[Size]) -> String {
    let lines = lines(sizes);
    let seconds: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|point| point.1).collect();
    let users: Vec<f64> = sizes.iter().map(|size| size.users as f64).collect();
    let x = Scale::over(&users, LEFT, RIGHT);
    let y = Scale::over(&seconds, BOTTOM, TOP);
    let mut svg = String::new();
    head(&mut svg);
    axes(&mut svg, &x, &y, &users);
    for line in &lines {
        let points: Vec<String> = line
            .points
            .iter()
            .map(|(users, wall)| format!("{:.1},{:.1}", x.place(*users), y.place(*wall)))
            .collect();
        let _ = writeln!(svg, "<polyline class=\"{}\" points=\"{}\"/>", line.class, points.join(" "));
        for (users, wall) in &line.points {
            let (cx, cy) = (x.place(*users), y.place(*wall));
            let _ =
                writeln!(svg, "<circle class=\"{}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\"/>", line.class);
        }
    }
    names(&mut svg, &lines, &x, &y);
    svg.push_str("</svg>\n");
    svg
}

fn lines(sizes: &[Size]) -> Vec<Line> {
    let mut own = 0;
    let Some(first) = sizes.first() else { return Vec::new() };
    let lines = first.jobs.iter().map(|job| {
        let class = if job.is_yardstick {
            "yardstick".to_owned()
        } else {
            own += 1;
            format!("job{}", (own - 1) % COLOURS.len())
        };
        let points = sizes.iter().filter_map(|size| {
            let same = size.jobs.iter().find(|other| other.name == job.name);
            same.and_then(|job| job.figures).map(|figures| (size.users as f64, figures.wall))
        });
        Line { name: job.name.replace('`', ""), class, points: points.collect() }
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn head(svg: &mut String) {
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Wall seconds of rostersync's jobs over the number of users</title>\n<style>"
    );
    let scheme = |svg: &mut String, ground: &str, text: &str, grid: &str, faint: &str, dark: bool| {
        let _ = writeln!(
            svg,
            ".ground {{ fill: {ground}; }} text {{ fill: {text}; }} .axis {{ stroke: {text}; }} \
             .grid {{ stroke: {grid}; }} .minor {{ stroke: {faint}; }}"
        );
        let yardstick = if dark { "#a0a8b0" } else { "#6a737d" };
        let colours = COLOURS.iter().map(|colours| if dark { colours.1 } else { colours.0 });
        let classes = colours.enumerate().map(|(number, colour)| (format!("job{number}"), colour));
        for (class, colour) in classes.chain([("yardstick".to_owned(), yardstick)]) {
            let _ = writeln!(
                svg,
                "polyline.{class}, line.{class} {{ stroke: {colour}; }} circle.{class}, text.{class} {{ fill: {colour}; }}"
            );
        }
    };
    svg.push_str(
        "text { font: 13px system-ui, sans-serif; } text.title { font-weight: bold; } polyline { fill: none; stroke-width: 2; }\n\
         polyline.yardstick { stroke-dasharray: 6 4; } line.name { stroke-width: 1; opacity: 0.5; }\n",
    );
    scheme(svg, "#ffffff", "#24292f", "#d0d7de", "#eef1f4", false);
    svg.push_str("@media (prefers-color-scheme: dark) {\n");
    scheme(svg, "#0d1117", "#e6edf3", "#30363d", "#1b2128", true);
    svg.push_str("}\n</style>\n");
    let _ = writeln!(svg, "<rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"30\" class=\"title\">Wall seconds over users; dashed: what it is compared with</text>"
    );
}

fn axes(svg: &mut String, x: &Scale, y: &Scale, users: &[f64]) {
    let across = |svg: &mut String, class: &str, at: f64| {
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{RIGHT}\" y2=\"{at:.1}\"/>"
        );
    };
    let down = |svg: &mut String, class: &str, at: f64| {
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\"/>"
        );
    };
    for digit in 2..10 {
        y.ticks(f64::from(digit)).into_iter().for_each(|tick| across(svg, "minor", y.place(tick)));
    }
    for tick in y.ticks(1.0) {
        let at = y.place(tick);
        across(svg, "grid", at);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let mut last = f64::MIN;
    for size in users {
        let at = x.place(*size);
        down(svg, "grid", at);
        // Two sizes can be too near each other for both numbers.
        if at - last > 64.0 {
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 20.0,
                crate::grouped(*size as u64)
            );
            last = at;
        }
    }
    across(svg, "axis", BOTTOM);
    down(svg, "axis", LEFT);
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">users (logarithmic)</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 44.0
    );
    let middle = (TOP + BOTTOM) / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"20\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 20 {middle:.1})\">\
         wall seconds (logarithmic)</text>"
    );
}

/// The name of each line beside its end; those that would cover each other are moved apart.
fn names(svg: &mut String, lines: &[Line], x: &Scale, y: &Scale) {
    let mut ends: Vec<(&Line, f64, f64)> = lines
        .iter()
        .filter_map(|line| line.points.last().map(|(users, wall)| (line, x.place(*users), y.place(*wall))))
        .collect();
    ends.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut places: Vec<f64> = Vec::new();
    for (_, _, end) in &ends {
        places.push(places.last().map_or(*end, |last| end.max(last + NAME_HEIGHT)));
    }
    // What was pushed over the edge comes back up.
    let mut lowest = BOTTOM;
    for place in places.iter_mut().rev() {
        *place = place.min(lowest);
        lowest = *place - NAME_HEIGHT;
    }
    for ((line, end_x, end_y), place) in ends.iter().zip(places) {
        let class = &line.class;
        let _ = writeln!(
            svg,
            "<line class=\"name {class}\" x1=\"{:.1}\" y1=\"{end_y:.1}\" x2=\"{:.1}\" y2=\"{place:.1}\"/>",
            end_x + 5.0,
            RIGHT + 24.0
        );
        let wall = line.points.last().map_or(0.0, |point| point.1);
        let digits = if wall < 0.1 { 3 } else { 2 };
        let _ = writeln!(
            svg,
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{} ({wall:.digits$} s)</text>",
            RIGHT + 29.0,
            place + 4.0,
            escaped(&line.name)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
