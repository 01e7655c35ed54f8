//! A grid is planned without data or model.

use std::path::{Path, PathBuf};

use alhost_config::{GridFile, Overrides, RunConfig};
use alhost_engine::Session;
use alhost_engine::grid::{self, BenchFolder, Cell, Outside, State};

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
    fs_err::write(folder.join("toy.toml"), CONFIG).unwrap();
    fs_err::write(folder.join("grid.toml"), GRID).unwrap();
    let overrides = Overrides {
        plugins: vec![plugin("random"), plugin("cvirs")],
        out: Some(folder.join("runs").display().to_string()),
        ..Overrides::default()
    };
    GridFile::read(&folder.join("grid.toml"), &overrides).unwrap()
}

fn plan(grid: &GridFile) -> Vec<Cell> {
    let files = |_: &RunConfig| vec![PathBuf::from("checkpoint")];
    let outside = Outside { shelf: shelf(), lookup: &|_| None, checkpoint_files: &files };
    let of = |config| grid::cells(config, &grid.folder, &outside).unwrap();
    grid.configs.iter().flat_map(of).collect()
}

#[test]
fn all_strategies_of_a_seed_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let cells = plan(&grid(folder.path()));
    let names: Vec<String> = cells.iter().map(Cell::name).collect();
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
    assert_eq!((cells[0].rounds, cells[4].rounds), (4, 2));
    assert!(cells.iter().all(|cell| cell.state == State::Waiting));
    assert_eq!(cells[0].group(), cells[1].group());
}

#[test]
fn a_cell_that_is_finished_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(folder.path());
    let mut cells = plan(&grid);
    let Opened { mut experiment, mut strategies } =
        Opened::new(&folder.path().join("elsewhere"), &["random", "cvirs"], &["name=a"]);
    let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
    let from = session.path().to_owned();
    session.run().unwrap();
    fs_err::create_dir_all(cells[1].folder.parent().unwrap()).unwrap();
    fs_err::rename(from, &cells[1].folder).unwrap();
    cells[1].check_folder().unwrap();

    let bench = BenchFolder::open(&grid.folder).unwrap();
    cells[1].state = State::Finished;
    bench.keep_cells(&grid.name, &cells).unwrap();
    let mut again = plan(&grid);
    grid::look(&mut again, &bench.finished());
    let finished = again.iter().filter(|cell| cell.state == State::Finished);
    assert_eq!(finished.map(Cell::name).collect::<Vec<_>>(), ["a, cvirs, seed 1"]);
}
