//! Reports of two dozen strategies stay readable; those of few have all side by side.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is wrong")]

mod made;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_report::{Metric, Options, report};
use made::{Bench, MANY};

/// What was written for a bench; it stays below `target/tmp`, to be looked at too.
struct Written(PathBuf);

impl Written {
    fn of(name: &str, bench: &Bench<'_>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("many").join(name);
        let _absent = fs_err::remove_dir_all(&folder);
        bench.write(&folder.join("runs"));
        let options = Options { metric: Metric::MICRO_F1, baseline: None, upto: None };
        let report = report(&[folder.join("runs")], &options).unwrap();
        report.write(&folder.join("out")).unwrap();
        Self(folder.join("out"))
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.0.join(name)).unwrap()
    }

    /// The lines of a file in `csv`, by the names of their columns.
    fn csv(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.read(&format!("csv/{name}"));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|line| line.unwrap()).collect()
    }

    /// Strategies of a data set by their mean of a quantity, the highest first.
    fn summary(&self, data: &str, metric: &str, quantity: &str) -> Vec<(String, f64)> {
        let mut found: Vec<(String, f64)> = self
            .csv("summary.csv")
            .iter()
            .filter(|line| line["data"] == data && line["metric"] == metric)
            .filter(|line| line["quantity"] == quantity)
            .map(|line| (line["strategy"].clone(), line["mean"].parse().unwrap()))
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// Micro-F1 of each run in the order of its rounds, by data set, seed and strategy.
    fn curves(&self) -> BTreeMap<(String, String), BTreeMap<String, Vec<f64>>> {
        let mut curves: BTreeMap<_, BTreeMap<_, Vec<f64>>> = BTreeMap::new();
        for line in self.csv("rounds.csv") {
            let block: &mut BTreeMap<String, Vec<f64>> =
                curves.entry((line["data"].clone(), line["seed"].clone())).or_default();
            let score = line["micro_f1"].parse().unwrap();
            block.entry(line["strategy"].clone()).or_default().push(score);
        }
        curves
    }
}

fn bench(strategies: usize, seeds: u64, points: usize) -> Bench<'static> {
    Bench { data: &["arxiv"], strategies: &MANY[..strategies], seeds, points }
}

/// The rows of the first table of a report in Markdown whose caption begins so, without the head.
fn rows(markdown: &str, caption: &str) -> Vec<Vec<String>> {
    let from = markdown.find(&format!("\n{caption}")).unwrap();
    let lines = markdown[from..].lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn the_best_are_in_front_and_a_page_lets_choose_others() {
    let written = Written::of("front", &bench(22, 2, 4));
    let svg = written.read("figures/arxiv-micro_f1.svg");
    let best: Vec<String> =
        written.summary("arxiv", "micro_f1", "area").into_iter().map(|mean| mean.0).collect();
    // The line of each strategy ends in its name.
    let groups: Vec<&str> = svg.split("<g class=\"").collect();
    let is_behind = |name: &str| {
        let name = format!(">{name}</text>");
        let ends = |group: &&&str| group.contains("class=\"name\"") && group.contains(&name);
        groups.iter().find(ends).unwrap().split('"').next().unwrap().ends_with(" behind")
    };
    for (place, name) in best.iter().filter(|name| *name != "random").enumerate() {
        assert_eq!(is_behind(name), place >= 5, "{name}");
    }
    assert!(!is_behind("random"));
    assert!(svg.contains(">16 others<"));

    let html = written.read("report.html");
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    let boxes: Vec<&str> = html.split("<input type=\"checkbox\" id=\"").skip(1).collect();
    assert_eq!(boxes.len(), 22);
    let checked = boxes.iter().filter(|at| at.split('>').next().unwrap().contains(" checked"));
    assert_eq!(checked.count(), 6);
    for at in boxes {
        let id = at.split('"').next().unwrap();
        let class = format!(".t{} ", id.rsplit('-').next().unwrap());
        let rule = html.lines().find(|line| line.contains(&format!("#{id}:"))).unwrap();
        assert!(format!("{rule} ").replace('{', " ").contains(&class), "{rule}");
    }
    // Figures of one choice: learning curves, cost, classes, labels, ranks.
    assert_eq!(html.matches("class=\"plot g0\"").count(), 8);
    assert!(!written.read("report.md").contains("checkbox"));
}

#[test]
fn tables_are_read_from_the_top_and_none_is_too_wide() {
    let written = Written::of("tables", &Bench { data: &["arxiv", "eurlex"], ..bench(22, 2, 25) });
    let markdown = written.read("report.md");
    for line in markdown.lines().filter(|line| line.starts_with("| ---")) {
        assert!(line.matches(" | ").count() < 12, "{line}");
    }
    let names = |caption: &str| -> Vec<String> {
        rows(&markdown, caption).into_iter().map(|row| row[0].clone()).collect()
    };
    let marked = |means: Vec<(String, f64)>| -> Vec<String> {
        let mark = |name: String| if name == "random" { name + " (baseline)" } else { name };
        means.into_iter().map(|mean| mark(mean.0)).collect()
    };
    let of_arxiv = marked(written.summary("arxiv", "micro_f1", "area"));
    assert_eq!(of_arxiv.iter().filter(|name| name.contains("(baseline)")).count(), 1);
    for caption in ["micro-F1. Percentages", "What queries cost", "Whose selections are"] {
        assert_eq!(names(caption), of_arxiv, "{caption}");
    }
    // At a glance, by the mean of both ranks.
    let ranks = |data: &str| marked(written.summary(data, "micro_f1", "area"));
    let both = [ranks("arxiv"), ranks("eurlex")];
    let place = |name: &String| -> usize {
        both.iter().map(|names| names.iter().position(|known| known == name).unwrap()).sum()
    };
    let glance = names("micro-F1: area under the learning curve");
    assert_eq!(glance.len(), 22);
    assert!(glance.windows(2).all(|pair| place(&pair[0]) <= place(&pair[1])), "{glance:?}");
    assert!(written.read("report.html").contains("<tr class=\"baseline\"><td>random (baseline)"));
    // Ten columns of 25 numbers of labeled texts.
    let head = markdown.lines().find(|line| line.starts_with("| strategy | 100 |")).unwrap();
    assert!(head.ends_with(" | 2500 |") && head.matches('|').count() == 12, "{head}");
}

#[test]
fn verdicts_on_many_are_lists_that_agree_with_the_tests() {
    let written = Written::of("verdicts", &bench(22, 5, 10));
    let markdown = written.read("report.md");
    assert!(!markdown.contains(" has a higher "), "a sentence for each would be too many");
    let words = "In area under the learning curve, against random, by the paired t-test over 5 seeds, \
                 p < 0.05 after Holm over 21 comparisons:";
    let from = markdown.find(words).unwrap();
    let listed = |word: &str| -> Vec<String> {
        let line = markdown[from..].lines().find(|line| line.starts_with(word)).unwrap();
        let list = line.split_once("): ").unwrap().1.split(". That").next().unwrap();
        list.split(", ").map(|entry| entry.split(' ').next().unwrap().to_owned()).collect()
    };
    let tests = written.csv("tests.csv");
    let of = |is_it: &dyn Fn(f64, f64) -> bool| -> Vec<String> {
        let area = tests.iter().filter(|line| {
            let keys = [&line["family"], &line["metric"], &line["quantity"]];
            keys == ["baseline", "micro_f1", "area"]
        });
        let number = |text: &String| text.parse::<f64>().unwrap();
        let those = area
            .filter(|line| is_it(number(&line["p_paired_t_holm"]), number(&line["difference"])));
        let mut names: Vec<String> = those.map(|line| line["a"].clone()).collect();
        names.sort();
        names
    };
    let check = |word: &str, expected: Vec<String>| {
        let mut listed = listed(word);
        listed.sort();
        assert!(!expected.is_empty(), "the made-up runs have none that is {word}");
        assert_eq!(listed, expected, "{word}");
    };
    check("Higher (", of(&|p, difference| p < 0.05 && difference > 0.0));
    check("Lower (", of(&|p, difference| p < 0.05 && difference < 0.0));
    check("No difference shown (", of(&|p, _| p >= 0.05));
}

/// Ranks each block by hand, from areas under curves whose points are evenly apart.
#[test]
fn mean_ranks_are_over_the_seeds_of_all_data_sets() {
    let written = Written::of("ranks", &Bench { data: &["arxiv", "eurlex"], ..bench(12, 3, 5) });
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    let curves = written.curves();
    assert_eq!(curves.len(), 6);
    for block in curves.values() {
        let area = |scores: &Vec<f64>| {
            scores.iter().sum::<f64>() - f64::midpoint(scores[0], scores[scores.len() - 1])
        };
        for (name, scores) in block {
            let above = block.values().filter(|other| area(other) > area(scores)).count();
            *sums.entry(name.clone()).or_default() += above as f64 + 1.0;
        }
    }
    let lines = written.csv("mean_ranks.csv");
    let over = |block: &str| lines.iter().filter(|line| line["block"] == block).count();
    assert_eq!([over("seed"), over("data set"), over("seed of a data set")], [24, 12, 12]);
    for line in lines.iter().filter(|line| line["block"] == "seed of a data set") {
        let rank: f64 = line["mean_rank"].parse().unwrap();
        let expected = sums[&line["strategy"]] / 6.0;
        assert!((rank - expected).abs() < 1e-9, "{line:?}, not {expected}");
        // 3.268 · √(12 · 13 / 36), by table 5 of Demšar 2006 and beyond.
        let difference: f64 = line["critical_difference"].parse().unwrap();
        assert!((difference - 3.268 * (12.0_f64 * 13.0 / 36.0).sqrt()).abs() < 2e-3);
        assert_eq!(line["p_ranks_holm"].is_empty(), line["strategy"] == "random");
    }
    let html = written.read("report.html");
    for part in ["On mean ranks", "over 6 seeds of 2 data sets (1 is best)", "Iman and Davenport"] {
        assert!(html.contains(part), "no `{part}`");
    }
    for name in ["", "-seeds"] {
        let svg = written.read(&format!("figures/critical-difference{name}-micro_f1.svg"));
        assert!(svg.contains(">CD = ") && svg.contains(">random (baseline) ("), "{svg}");
    }
}

#[test]
fn as_many_as_there_are_colours_stand_side_by_side() {
    let check = |n: usize, is_many: bool| {
        let written = Written::of(&format!("few-{n}"), &bench(n, 3, 4));
        let (html, svg) = (written.read("report.html"), written.read("figures/arxiv-micro_f1.svg"));
        assert_eq!(html.contains("<fieldset"), is_many, "{n}");
        assert_eq!(svg.contains(" behind\">"), is_many, "{n}");
        let markdown = written.read("report.md");
        assert_eq!(markdown.contains("Every two strategies, micro-F1, area: row minus"), !is_many);
        assert_eq!(
            markdown.contains("dal and random, area") || markdown.contains("dal has a"),
            !is_many
        );
    };
    check(8, false);
    check(9, true);
}

#[test]
fn classes_seen_and_the_cost_of_a_query_stand_beside_the_scores() {
    let written = Written::of("classes", &bench(3, 2, 3));
    let markdown = written.read("report.md");
    let rounds = written.csv("rounds.csv");
    for row in rows(&markdown, "micro-F1. Percentages") {
        let name = row[0].split(' ').next().unwrap();
        let of_name = || rounds.iter().filter(|line| line["strategy"] == name);
        let number = |text: &String| text.parse::<f64>().ok();
        // Trapezoids over two equal steps: the middle counts twice.
        let weighted = of_name().map(|line| {
            let weight = if line["round"] == "1" { 0.5 } else { 0.25 };
            weight * number(&line["class_coverage"]).unwrap()
        });
        let area = weighted.sum::<f64>() / 2.0;
        let queries: Vec<f64> =
            of_name().filter_map(|line| number(&line["query_seconds"])).collect();
        assert_eq!(queries.len(), 4, "the last round of two makes none");
        let seconds = queries.iter().sum::<f64>() / 4.0;
        let expected = [format!("{area:.1}"), format!("{seconds:.2}")];
        assert_eq!(row[7..].iter().map(|cell| cell.replace('*', "")).collect::<Vec<_>>(), expected);
        let seen = written.summary("arxiv", "class_coverage", "area");
        assert!(seen.iter().any(|mean| mean.0 == name && (mean.1 - area).abs() < 1e-9));
    }
}
