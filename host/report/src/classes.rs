//! The paper's Figure 1: how many texts each class of a data set has.

use super::axes::Scale;
use super::plot::{Chart, Point, Series, draw};
use super::svg::{self, Style};

/// One line of the figure.
pub struct ClassSizes {
    pub name: String,
    /// Texts of each class, the largest first.
    pub sizes: Vec<u32>,
}

/// Draws classes by size as the file of an SVG, both axes logarithmic so that data sets of four and
/// of a million classes can be read in one figure. Classes without a text are not drawn; `None`
/// where no class has one.
pub fn class_distribution(sets: &[ClassSizes]) -> Option<String> {
    let series = sets.iter().enumerate().map(|(index, set)| Series {
        name: set.name.clone(),
        style: Style::of(index),
        points: points(&set.sizes),
    });
    let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    let figure = draw(&Chart {
        name: "classes".to_owned(),
        caption: format!("Texts of each class: {}", names.join(", ")),
        x_title: "classes, from the most frequent".to_owned(),
        y_title: "texts of the class".to_owned(),
        series: series.collect(),
        level: None,
        starts_at_zero: false,
        scale: Scale::Logarithmic,
    })?;
    Some(svg::file(&figure))
}

/// Picks the classes that can be told apart in print, out of a million of them.
fn points(sizes: &[u32]) -> Vec<Point> {
    /// Ranks closer than this in log10 are one place: a third of a unit of the figure.
    const APART: f64 = 0.002;
    let drawn = sizes.iter().take_while(|&&size| size > 0).count();
    let mut points: Vec<Point> = Vec::new();
    for (index, &size) in sizes[..drawn].iter().enumerate() {
        let rank = (index + 1) as f64;
        let is_apart = points.last().is_none_or(|last| (rank / last.x).log10() >= APART);
        if is_apart || index + 1 == drawn {
            let size = f64::from(size);
            points.push(Point { x: rank, mean: size, low: size, high: size });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, sizes: &[u32]) -> ClassSizes {
        ClassSizes { name: name.to_owned(), sizes: sizes.to_vec() }
    }

    #[test]
    fn each_data_set_is_a_line_with_its_name() {
        let svg = class_distribution(&[of("a<b", &[1000, 30, 1, 0]), of("two", &[5, 5])]).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("a&lt;b") && svg.contains(">two<"));
        // In the legend and in the plot.
        assert_eq!(svg.matches("class=\"line\"").count(), 4, "{svg}");
        // 1,000 texts lie at the top of the axis, one text at its bottom: M x y L x y L x y.
        let line = svg.split("class=\"line\"").nth(3).unwrap();
        let path = line.split("d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let places: Vec<f64> = path.split(['L', ' ']).map(|place| place.parse().unwrap()).collect();
        assert_eq!(places.len(), 6, "the empty class is not drawn: {path}");
        assert!((places[5] - places[1] - 250.0).abs() < 0.2, "{path}");
        assert!((places[0] - 64.0).abs() < 0.2, "{path}");
        let two_of_ten = (396.0 * 2.0_f64.log10()) + 64.0;
        assert!((places[2] - two_of_ten).abs() < 0.2, "{path}");
    }

    #[test]
    fn without_a_text_there_is_nothing_to_draw() {
        assert!(class_distribution(&[of("none", &[0, 0])]).is_none());
        assert!(class_distribution(&[]).is_none());
    }

    #[test]
    fn many_classes_make_few_points_and_keep_the_ends() {
        let sizes: Vec<u32> = (1..=1_000_000).rev().collect();
        let points = points(&sizes);
        assert!((1000..4000).contains(&points.len()), "{}", points.len());
        assert_eq!((points[0].x as u32, points[0].mean as u32), (1, 1_000_000));
        let last = points.last().unwrap();
        assert_eq!((last.x as u32, last.mean as u32), (1_000_000, 1));
        // The first hundred are all there.
        assert!(points.iter().take(100).enumerate().all(|(i, point)| point.x as usize == i + 1));
    }
}
