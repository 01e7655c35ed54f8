//! Tests of the demo corpus.

use super::*;

fn demo(seed: u64, train_texts: usize) -> Dataset {
    let mut config = config(DataFormat::Demo);
    config.demo.seed = seed;
    config.demo.train_texts = train_texts;
    load(&config, Path::new("."), &Silent).unwrap().dataset
}

#[test]
fn the_demo_depends_on_its_seed_alone() {
    let whole = demo(1, 2000);
    assert_eq!(demo(1, 2000).hash(), whole.hash());
    assert_ne!(demo(2, 2000).hash(), whole.hash());
    let smaller = demo(1, 50);
    assert_eq!(
        smaller.test.as_ref().unwrap().texts.hash(),
        whole.test.as_ref().unwrap().texts.hash()
    );
    assert!((0..50).all(|text| smaller.train.texts.get(text) == whole.train.texts.get(text)));
}

#[test]
fn the_demo_is_as_described() {
    let dataset = demo(1, 2000);
    let stats = stats(&dataset, None);
    assert_eq!((stats.train, stats.dev, stats.test, stats.classes), (2000, 300, 600, 120));
    assert!(dataset.vocabulary.contains(&"music/jazz".to_owned()));
    assert!((1.4..2.2).contains(&stats.classes_per_text), "{stats:?}");
    assert!(f64::from(stats.max_class) > 10.0 * stats.median_class, "{stats:?}");
    assert_eq!((stats.classes_absent_from_train, stats.duplicate_texts), (0, 0));
    for (_, split) in dataset.splits() {
        assert!(split.labels.rows().all(|row| (1..=4).contains(&row.len())));
        let words = split.texts.iter().map(|text| text.split(' ').count());
        assert!(words.into_iter().all(|count| (20..=60).contains(&count)));
    }
    // Labels of one text are mostly of one theme.
    let theme = |label: u32| dataset.vocabulary[label as usize].split('/').next();
    let pairs = dataset.train.labels.rows().filter(|row| row.len() == 2);
    let (same, all) = pairs.fold((0, 0), |(same, all), row| {
        (same + usize::from(theme(row[0]) == theme(row[1])), all + 1)
    });
    assert!(same * 3 > all * 2, "{same} of {all}");
}

#[test]
fn the_demo_needs_texts() {
    let mut config = config(DataFormat::Demo);
    config.demo.train_texts = 0;
    fails(&config, &folder(&[]), &["`data.demo.train_texts` is 0"]);
}
