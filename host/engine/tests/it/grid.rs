//! A grid is planned without data or model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alhost_config::{GridFile, Overrides, RunConfig};
use alhost_engine::Session;
use alhost_engine::grid::{self, Batch, Cell, GridPlan, Outcome, Outside, State, Tally, Unit};

use crate::support::{CONFIG, Opened, WATCH, plugin, shelf};

const GRID: &str = r#"
name = "toys"
config = "toy.toml"
seeds = [1, 2]
[[dataset]]
name = "a"
[[dataset]]
name = "b"
[dataset.loop]
budget = 14
"#;

/// The grid of two data sets, strategies and seeds.
fn grid(folder: &Path) -> GridFile {
    grid_with(folder, &[])
}

fn grid_with(folder: &Path, set: &[&str]) -> GridFile {
    fs_err::write(folder.join("toy.toml"), CONFIG).unwrap();
    fs_err::write(folder.join("grid.toml"), GRID).unwrap();
    let overrides = Overrides {
        plugins: vec![plugin("random"), plugin("cvirs")],
        out: Some(folder.join("runs").display().to_string()),
        set: set.iter().map(|&set| set.to_owned()).collect(),
        ..Overrides::default()
    };
    GridFile::read(&folder.join("grid.toml"), &overrides).unwrap()
}

fn plan(grid: &GridFile) -> GridPlan {
    let files = |_: &RunConfig| vec![PathBuf::from("checkpoint")];
    let program = BTreeMap::from([("alhost".to_owned(), "1".to_owned())]);
    let outside = Outside { shelf: shelf(), lookup: &|_| None, checkpoint_files: &files, program };
    grid::plan(grid, &outside).unwrap()
}

/// Does a cell in the folder of the toy experiment, and moves its records to where the grid has them.
fn run(cell: &Cell, config: &[&str]) {
    let elsewhere = tempfile::tempdir().unwrap();
    let data = format!("name={}", cell.data);
    let config: Vec<&str> = config.iter().copied().chain([data.as_str()]).collect();
    let Opened { mut experiment, mut strategies } =
        Opened::new(elsewhere.path(), &["random", "cvirs"], &config);
    let (strategy, seed) = (cell.strategy.as_str(), cell.seed);
    let session = Session::open(&mut experiment, &mut strategies, strategy, seed, WATCH).unwrap();
    let from = session.path().to_owned();
    session.run().unwrap();
    fs_err::create_dir_all(cell.folder.parent().unwrap()).unwrap();
    fs_err::rename(from, &cell.folder).unwrap();
}

#[test]
fn all_strategies_of_a_seed_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&grid(folder.path()));
    let names: Vec<String> = plan.cells.iter().map(Cell::name).collect();
    let expected = [
        "a, random, seed 1",
        "a, cvirs, seed 1",
        "a, random, seed 2",
        "a, cvirs, seed 2",
        "b, random, seed 1",
        "b, cvirs, seed 1",
        "b, random, seed 2",
        "b, cvirs, seed 2",
    ];
    assert_eq!(names, expected);
    assert_eq!((plan.cells[0].rounds, plan.cells[4].rounds), (4, 2));
    assert!(plan.cells.iter().all(|cell| cell.state == State::Waiting));
    assert_eq!(plan.groups(), [0..2, 2..4, 4..6, 6..8]);
    assert_eq!(plan.left(), (0..8).collect::<Vec<_>>());
    assert_eq!(plan.cells_of(1), (4..8).collect());
}

#[test]
fn a_cells_folder_says_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(folder.path());
    let planned = plan(&grid);
    run(&planned.cells[1], &[]);
    planned.cells[1].check_folder().unwrap();
    assert_eq!(plan(&grid).left().len(), 8, "nobody has said yet that it is finished");
    let keep = |cell: &Cell, state| {
        Outcome::of(&cell.folder, &cell.stamp, state, 1.5).keep(&cell.folder).unwrap();
    };
    keep(&planned.cells[1], State::Finished);
    fs_err::create_dir_all(&planned.cells[2].folder).unwrap();
    keep(&planned.cells[2], State::Failed("no space".to_owned()));
    let again = plan(&grid);
    assert_eq!(again.left(), [0, 2, 3, 4, 5, 6, 7]);
    assert_eq!(again.cells[2].state, State::Failed("no space".to_owned()));
    assert_eq!(again.cells[1].seconds, Some(1.5));

    // Another grid in the same folder is another thing.
    let other = plan(&grid_with(folder.path(), &["train.epochs=7"]));
    assert_ne!(other.facts.name(), again.facts.name());
    assert_eq!(other.left().len(), 8);
    assert!(other.cells[1].check_folder().is_err());
}

#[test]
fn cells_go_together_where_they_share_most_of_their_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(&grid(folder.path()));
    let all: BTreeSet<usize> = (0..8).collect();
    let check = |plan: &GridPlan,
                 left: &BTreeSet<usize>,
                 expected: &[(&str, Option<u32>, Unit, &[u32])]| {
        let expected: Vec<Batch> = expected
            .iter()
            .map(|(data, begin, unit, numbers)| Batch {
                data: (*data).to_owned(),
                begin: *begin,
                unit: *unit,
                numbers: numbers.iter().copied().collect(),
            })
            .collect();
        assert_eq!(grid::batches(plan, left), expected);
    };
    plan.data[1].is_frozen = false;
    plan.data[0].is_frozen = true;
    check(
        &plan,
        &all,
        &[("a", Some(0), Unit::Group, &[0, 1]), ("b", None, Unit::Cell, &[4, 5, 6, 7])],
    );
    check(
        &plan,
        &[3, 6].into(),
        &[("a", Some(3), Unit::Group, &[1]), ("b", None, Unit::Cell, &[6])],
    );
    check(&plan, &[].into(), &[]);
    plan.data[0].pioneer = "cvirs".to_owned();
    check(&plan, &[0, 1].into(), &[("a", Some(1), Unit::Group, &[0])]);
    run(&plan.cells[2], &[]);
    check(&plan, &[0, 1].into(), &[("a", None, Unit::Group, &[0])]);
}

#[test]
fn a_session_can_be_begun_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut experiment, mut strategies } = Opened::new(folder.path(), &["cvirs"], &[]);
    let mut done = |rounds: usize| {
        let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
        let path = session.path().join("rounds.jsonl");
        session.run_rounds(rounds).unwrap();
        fs_err::read_to_string(path).unwrap().lines().count()
    };
    assert_eq!([done(1), done(1), done(3)], [1, 1, 3]);
    assert_eq!(done(99), done(4), "it is over");
}

#[test]
fn how_a_grid_stands_is_counted_by_data_set_and_strategy() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = plan(&grid(folder.path()));
    let states = [
        State::Finished,
        State::Finished,
        State::Running,
        State::Queued,
        State::Failed("x".to_owned()),
        State::Waiting,
        State::Queued,
        State::Waiting,
    ];
    for (cell, state) in plan.cells.iter_mut().zip(states) {
        cell.seconds = (state == State::Finished).then_some(10.0);
        cell.state = state;
    }
    plan.cells[1].seconds = Some(30.0);
    let tally = Tally::of(&plan.cells);
    let counts: Vec<[usize; 5]> = tally
        .rows
        .iter()
        .chain([&tally.total()])
        .map(|row| [row.finished, row.running, row.queued, row.failed, row.left])
        .collect();
    let expected =
        [[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 2], [2, 1, 2, 1, 2]];
    assert_eq!(counts, expected);
    // 10 s for the one that runs, 30 s for its neighbour, 20 s where nothing is known of the data set.
    assert_eq!(tally.until_done.unwrap().as_secs(), 60);
    plan.cells[2].state = State::Waiting;
    assert_eq!(Tally::of(&plan.cells).until_done, None, "nothing runs");
}
