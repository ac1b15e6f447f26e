// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Curves as SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::curves::Curve;

const SIZE: (u32, u32) = (640, 400);
const FONT: &str = "sans-serif";

/// Draws a curve from zero up.
///
/// # Errors
///
/// The file cannot be written.
pub fn draw(curve: &Curve, path: &Path) -> Result<()> {
    try_draw(curve, path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn try_draw(curve: &Curve, path: &Path) -> Result<(), Box<dyn core::error::Error>> {
    let right = curve.points.iter().map(|point| point.0).max().unwrap_or(1);
    let top = curve.points.iter().map(|point| point.1).max().unwrap_or(1);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(
            format!("instructions of a command: {}", curve.name),
            (FONT, 18),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0..right + right / 20 + 1, 0..top + top / 5)?;
    chart
        .configure_mesh()
        .x_desc(&curve.against)
        .y_desc("instructions")
        .label_style((FONT, 12))
        .draw()?;
    chart.draw_series(LineSeries::new(
        curve.points.iter().copied(),
        BLUE.stroke_width(2),
    ))?;
    chart.draw_series(
        curve
            .points
            .iter()
            .map(|point| Circle::new(*point, 3, BLUE.filled())),
    )?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_becomes_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.svg");
        let curve = Curve {
            name: "ring-size".into(),
            against: "entries".into(),
            points: vec![(8, 1900), (1024, 1910)],
            growth: None,
        };
        draw(&curve, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("<svg") && text.contains("ring-size") && text.contains("polyline"),
            "{text}"
        );
    }
}
