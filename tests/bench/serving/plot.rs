//! Draws the bars of all panels, as SVG.

use std::fmt::Write;

use crate::report::Report;
use crate::spread::short;

/// A plot of `report`: a bar for each median, a line from the tenth to the ninetieth percentile.
pub(crate) fn svg(report: &Report) -> String {
    let (mut y, mut body) = (0.0, String::new());
    for panel in &report.panels {
        y += 34.0;
        let title = escaped(&format!("{}, {}", panel.title, panel.unit));
        let _ = writeln!(body, r#"<text x="10" y="{y}" font-weight="bold">{title}</text>"#);
        let most = panel.bars.iter().map(|(_, spread)| spread.p90.max(spread.p50)).fold(f64::MIN_POSITIVE, f64::max);
        for (name, spread) in &panel.bars {
            y += 20.0;
            let at = |value: f64| LEFT + value / most * WIDTH;
            let (width, low, high, middle) = (at(spread.p50) - LEFT, at(spread.p10), at(spread.p90), y - 4.0);
            let fill = if name.starts_with("amaas") { "#2563eb" } else { "#9ca3af" };
            let _ = writeln!(body, r#"<text x="{}" y="{y}" text-anchor="end">{}</text>"#, LEFT - 8.0, escaped(name));
            let _ =
                writeln!(body, r#"<rect x="{LEFT}" y="{}" width="{width:.1}" height="14" fill="{fill}"/>"#, y - 11.0);
            let _ = writeln!(body, r##"<path d="M{low:.1} {middle}H{high:.1}" stroke="#111827"/>"##);
            let _ = writeln!(
                body,
                r#"<text x="{:.1}" y="{y}">{}</text>"#,
                at(spread.p90.max(spread.p50)) + 6.0,
                short(spread.p50)
            );
        }
    }
    let (width, height) = (LEFT + WIDTH + 80.0, y + 20.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const LEFT: f64 = 240.0;
const WIDTH: f64 = 480.0;
