//! A grid is planned without data or model.

use std::path::PathBuf;

use alhost_config::{GridFile, Overrides, RunConfig};
use alhost_engine::Session;
use alhost_engine::grid::{self, BenchFolder, Outside, State};

use crate::support::{CONFIG, Opened, WATCH, plugin, shelf};

#[test]
fn cells_are_planned_in_order_and_finished_ones_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("toy.toml"), CONFIG).unwrap();
    let grid = "name = \"toys\"\nconfig = \"toy.toml\"\nseeds = [1, 2]\n[[dataset]]\nname = \"a\"\n\
                [[dataset]]\nname = \"b\"\n[dataset.loop]\nbudget = 14\n";
    fs_err::write(path("grid.toml"), grid).unwrap();
    let overrides = Overrides {
        plugins: vec![plugin("random"), plugin("cvirs")],
        out: Some(path("runs").display().to_string()),
        ..Overrides::default()
    };
    let grid = GridFile::read(&path("grid.toml"), &overrides).unwrap();
    let files = |_: &RunConfig| vec![PathBuf::from("checkpoint")];
    let outside = Outside { shelf: shelf(), lookup: &|_| None, checkpoint_files: &files };
    let plan = || {
        let of = |config| grid::cells(config, &grid.folder, &outside).unwrap();
        grid.configs.iter().flat_map(of).collect::<Vec<_>>()
    };
    let cells = plan();
    let names: Vec<String> = cells.iter().map(|cell| cell.name()).collect();
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

    // One of them is run, and the next planning finds it.
    let set = [format!("name={}", "a")];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let Opened { mut experiment, mut strategies } =
        Opened::new(&path("elsewhere"), &["random", "cvirs"], &set);
    let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
    let from = session.path().to_owned();
    session.run().unwrap();
    fs_err::create_dir_all(cells[1].folder.parent().unwrap()).unwrap();
    fs_err::rename(from, &cells[1].folder).unwrap();
    let mut again = plan();
    let bench = BenchFolder::open(&grid.folder).unwrap();
    let mut kept = plan();
    kept[1].state = State::Finished;
    bench.keep_cells(&grid.name, &kept).unwrap();
    grid::look(&mut again, &bench.finished());
    let finished: Vec<usize> =
        (0..again.len()).filter(|&number| again[number].state == State::Finished).collect();
    assert_eq!(finished, [1]);
    again[1].check_folder().unwrap();
}
