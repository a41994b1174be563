//! Pictures of measured lines.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// A named line of points.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A picture with labelled axes; the scale of y is linear from zero.
pub(crate) struct Picture<'p> {
    pub(crate) title: &'p str,
    pub(crate) x: &'p str,
    pub(crate) y: &'p str,
    pub(crate) lines: Vec<Line>,
}

const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 95, 204),
    RGBColor(204, 85, 0),
    RGBColor(20, 130, 60),
    RGBColor(120, 60, 160),
    RGBColor(200, 30, 60),
    RGBColor(0, 140, 150),
    RGBColor(120, 90, 20),
    RGBColor(90, 90, 90),
];

impl Picture<'_> {
    /// Writes `name.svg` into the directory, with a logarithmic scale of x and a dot for each point.
    pub(crate) fn write(&self, directory: &Path, name: &str) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_max = points().map(|point| point.0).fold(1.0, f64::max);
        let x_min = points().map(|point| point.0).fold(x_max, f64::min).max(0.5);
        self.draw(&directory.join(format!("{name}.svg")), (x_min..x_max * 1.05).log_scale(), x_min, 4);
    }

    /// Writes `name.svg` of what changed with time, from zero on; the points are many.
    pub(crate) fn write_course(&self, directory: &Path, name: &str) {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let x_max = points.map(|point| point.0).fold(1.0, f64::max);
        self.draw(&directory.join(format!("{name}.svg")), 0.0..x_max, 0.0, 0);
    }

    fn draw<X>(&self, file: &Path, x: X, x_min: f64, dot: i32)
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
    {
        let area = SVGBackend::new(file, (720, 400)).into_drawing_area();
        area.fill(&WHITE).unwrap();
        let points = self.lines.iter().flat_map(|line| &line.points);
        let y_max = points.map(|point| point.1).fold(0.0, f64::max).max(0.1) * 1.15;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(x, 0.0..y_max)
            .unwrap();
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .light_line_style(WHITE)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| if y_max < 10.0 { format!("{y:.1}") } else { format!("{y:.0}") })
            .draw()
            .unwrap();
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let place = |point: &(f64, f64)| (point.0.max(x_min), point.1);
            chart
                .draw_series(LineSeries::new(line.points.iter().map(place), colour.stroke_width(2)))
                .unwrap()
                .label(line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            let dots = line.points.iter().filter(|_| dot > 0);
            chart.draw_series(dots.map(|point| Circle::new(place(point), dot, colour.filled()))).unwrap();
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .draw()
            .unwrap();
        area.present().unwrap();
    }
}
