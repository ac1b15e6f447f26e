// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The picture: panels below each other, over the same time.

use std::error::Error;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::chart::{Line, Panel, Style};

const WIDTH: u32 = 960;
const CAPTION: u32 = 34;
const PANEL: u32 = 170;
const ROW: u32 = 16;
/// Below and above the rows of the last panel: the scale of seconds, and its title.
const AROUND: u32 = 64;
const FONT: &str = "sans-serif";
/// Left of each panel, so that their seconds stand below each other.
const LABELS: u32 = 250;
/// Told apart by people who see no red or no green.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x5A, 0xB5),
    RGBColor(0xDC, 0x32, 0x20),
    RGBColor(0x9B, 0x6A, 0x00),
    RGBColor(0x1A, 0x85, 0x5F),
    RGBColor(0x7B, 0x3F, 0x9E),
    RGBColor(0x44, 0x44, 0x44),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws panels from `seconds.0` to `seconds.1` into a file.
///
/// # Errors
///
/// The file cannot be written.
pub fn draw(title: &str, panels: &[Panel], seconds: (f64, f64), path: &Path) -> Result<()> {
    try_draw(title, panels, seconds, path)
        .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn height(panel: &Panel) -> u32 {
    match panel {
        Panel::Lines { .. } => PANEL,
        Panel::Marks { rows, .. } => AROUND + ROW * rows.len() as u32,
    }
}

fn try_draw(
    title: &str,
    panels: &[Panel],
    seconds: (f64, f64),
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let total = CAPTION + panels.iter().map(height).sum::<u32>() + 20;
    let area = SVGBackend::new(path, (WIDTH, total)).into_drawing_area();
    area.fill(&WHITE)?;
    let (caption, mut rest) = area.split_vertically(CAPTION);
    caption.draw_text(title, &(FONT, 18).into_text_style(&caption), (12, 10))?;
    for panel in panels {
        let (here, below) = rest.split_vertically(height(panel));
        rest = below;
        match panel {
            Panel::Lines { title, lines } => draw_lines(&here, title, lines, seconds)?,
            Panel::Marks { title, rows } => draw_marks(&here, title, rows, seconds)?,
        }
    }
    area.present()?;
    Ok(())
}

/// From what to what a panel's scale goes: all points, with room around them. Zero is shown where it is not far away.
fn scale(lines: &[Line]) -> (f64, f64) {
    let points = lines.iter().flat_map(|line| &line.points);
    let values = points.filter_map(|point| point.1);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if !low.is_finite() {
        return (0.0, 1.0);
    }
    let low = if low >= 0.0 && low < high / 2.0 {
        0.0
    } else {
        low
    };
    let room = ((high - low) / 10.0).max(high.abs() / 100.0).max(1e-3);
    (if low == 0.0 { 0.0 } else { low - room }, high + room)
}

/// The parts of a line without gaps, with the corners of steps.
fn parts(line: &Line) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut before: Option<f64> = None;
    for &(seconds, value) in &line.points {
        if line.style != Style::Curve
            && let (Some(before), Some(part)) = (before, parts.last_mut())
        {
            part.push((seconds, before));
        }
        match (value, parts.last_mut()) {
            (Some(value), Some(part)) => part.push((seconds, value)),
            _ => parts.push(Vec::new()),
        }
        before = value;
    }
    parts.retain(|part| part.len() > 1);
    parts
}

/// The colour and the width of a line.
fn pen(line: &Line) -> (RGBColor, u32) {
    let width = match line.style {
        Style::Curve | Style::Steps => 2,
        Style::Limit => 1,
    };
    (COLOURS[line.colour % COLOURS.len()], width)
}

fn draw_lines(
    area: &Area<'_>,
    title: &str,
    lines: &[Line],
    seconds: (f64, f64),
) -> Result<(), Box<dyn Error>> {
    let (low, high) = scale(lines);
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 13))
        .margin_right(20)
        .margin_top(6)
        .x_label_area_size(18)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(seconds.0..seconds.1, low..high)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .y_labels(6)
        .label_style((FONT, 11))
        .draw()?;
    for line in lines {
        let (colour, width) = pen(line);
        let stroke = match line.style {
            Style::Curve | Style::Steps => colour.stroke_width(width),
            Style::Limit => colour.mix(0.6).stroke_width(width),
        };
        for part in parts(line) {
            chart.draw_series(LineSeries::new(part, stroke))?;
        }
    }
    // Beside the scale, where no line can hide them.
    let named = lines.iter().filter(|line| !line.label.is_empty());
    for (line, row) in named.zip(0..) {
        let (colour, width) = pen(line);
        let y = 40 + 16 * row;
        area.draw(&PathElement::new(
            [(12, y), (30, y)],
            colour.stroke_width(width),
        ))?;
        let text = (FONT, 11).into_text_style(area);
        area.draw_text(&line.label, &text, (36, y - 6))?;
    }
    Ok(())
}

fn draw_marks(
    area: &Area<'_>,
    title: &str,
    rows: &[(String, Vec<f64>)],
    seconds: (f64, f64),
) -> Result<(), Box<dyn Error>> {
    let count = rows.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 13))
        .margin_right(20)
        .margin_top(6)
        .x_label_area_size(36)
        .y_label_area_size(LABELS)
        .build_cartesian_2d(seconds.0..seconds.1, 0.0..count)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .disable_y_mesh()
        .y_labels(0)
        .x_desc("seconds since the platform's start")
        .label_style((FONT, 11))
        .draw()?;
    let text = (FONT, 10).into_text_style(area);
    for (index, (name, marks)) in rows.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let height = count - index as f64 - 0.5;
        chart.draw_series(marks.iter().map(|at| {
            PathElement::new(
                [(*at, height - 0.35), (*at, height + 0.35)],
                colour.stroke_width(1),
            )
        }))?;
        let (_, y) = chart.backend_coord(&(seconds.0, height));
        let (_, top) = area.get_base_pixel();
        let name = format!("{name} ×{}", marks.len());
        area.draw_text(&name, &text, (12, y - top - 5))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::chart::Point;
    use super::*;

    fn steps(points: &[Point]) -> Line {
        Line {
            label: "level".into(),
            colour: 0,
            style: Style::Steps,
            points: points.into(),
        }
    }

    #[test]
    fn steps_have_corners_and_gaps_stay_empty() {
        let line = steps(&[
            (0.0, Some(1.0)),
            (1.0, Some(2.0)),
            (2.0, None),
            (3.0, Some(4.0)),
            (5.0, Some(4.0)),
        ]);
        assert_eq!(
            parts(&line),
            [
                vec![(0.0, 1.0), (1.0, 1.0), (1.0, 2.0), (2.0, 2.0)],
                vec![(3.0, 4.0), (5.0, 4.0), (5.0, 4.0)]
            ]
        );
    }

    #[test]
    fn a_scale_has_room_and_shows_zero_where_it_is_near() {
        let of = |values: &[f64]| {
            let points = values.iter().map(|value| (0.0, Some(*value)));
            scale(&[steps(&points.collect::<Vec<_>>())])
        };
        assert_eq!(of(&[1.0, 5.0]).0, 0.0);
        assert!(of(&[60.0, 70.0]).0 > 50.0);
        assert!(of(&[-5.0, 5.0]).0 < -5.0);
        // One value, and none, still make a scale.
        let (low, high) = of(&[7.0, 7.0]);
        assert!(low < 7.0 && 7.0 < high);
        assert_eq!(of(&[]), (0.0, 1.0));
    }

    #[test]
    fn a_picture_has_every_title_label_and_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.svg");
        let panels = [
            Panel::Lines {
                title: "level of gpu".into(),
                lines: vec![steps(&[(0.0, Some(1.0)), (1.0, Some(5.0))])],
            },
            Panel::Marks {
                title: "messages".into(),
                rows: vec![("SENSOR_TRIP_POINT_EVENT".into(), vec![0.5, 0.7])],
            },
        ];
        draw("heron sample", &panels, (0.0, 1.0), &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for part in [
            "heron sample",
            "level of gpu",
            ">\nlevel\n<",
            "SENSOR_TRIP_POINT_EVENT ×2",
            "<polyline",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let error = draw("x", &panels, (0.0, 1.0), &folder.path().join("no/x.svg"));
        assert!(error.unwrap_err().to_string().starts_with("cannot draw "));
    }
}
