//! Acknowledged, hence durable, events a second, against how often the disk can be told to keep 4 kB; and against the same
//! on a file system in memory, where being durable costs nothing.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Spread, turn};
use crate::Effort;
use crate::load;
use crate::plot::{Line, Picture};
use crate::world::World;

const CLIENTS: [usize; 3] = [1, 16, 128];

pub(crate) async fn measure(effort: &Effort) {
    let disk = World::start().await;
    let memory = match tempfile::tempdir_in("/dev/shm") {
        Ok(directory) => Some(World::within(directory).await),
        Err(_) => None,
    };
    println!("durable events a second: median (lowest-highest) of {} rounds", effort.rounds);
    println!(
        "{:>8} {:>24} {:>20} {:>16} {:>24} {:>8}",
        "clients", "on the disk", "fdatasync/s", "events per sync", "in memory", "price"
    );
    let (mut disk_line, mut memory_line, mut sync_line) = (Vec::new(), Vec::new(), Vec::new());
    for clients in CLIENTS {
        let name = format!("durable-{clients}");
        let mut on_disk = disk.visitors(&name, clients, 1).await;
        let mut in_memory = match &memory {
            Some(memory) => memory.visitors(&name, clients, 1).await,
            None => Vec::new(),
        };
        let (mut durable, mut syncs, mut fleeting) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..effort.rounds {
            for (which, ()) in turn(&[(), ()], round) {
                if which == 0 {
                    syncs.push(syncs_per_second(&disk.server.data()));
                    let load = load::run(&mut on_disk, disk.server.pid(), effort.seconds, Duration::ZERO).await;
                    durable.push(load.per_second());
                } else if let Some(memory) = &memory {
                    let load = load::run(&mut in_memory, memory.server.pid(), effort.seconds, Duration::ZERO).await;
                    fleeting.push(load.per_second());
                }
            }
        }
        let (durable, syncs) = (Spread::of(durable), Spread::of(syncs));
        let fleeting = memory.is_some().then(|| Spread::of(fleeting));
        let price =
            fleeting.map_or_else(|| "-".to_owned(), |fleeting| format!("{:.2}", fleeting.median / durable.median));
        println!(
            "{clients:>8} {:>24} {:>20} {:>16.2} {:>24} {price:>8}",
            durable.to_string(),
            syncs.to_string(),
            durable.median / syncs.median,
            fleeting.map_or_else(|| "no /dev/shm".to_owned(), |fleeting| fleeting.to_string()),
        );
        let x = f64::from(u32::try_from(clients).unwrap());
        disk_line.push((x, durable.median));
        sync_line.push((x, syncs.median));
        memory_line.extend(fleeting.map(|fleeting| (x, fleeting.median)));
    }
    disk.stop().await;
    if let Some(memory) = memory {
        memory.stop().await;
    }
    let lines = vec![
        Line { name: "durable events", points: disk_line },
        Line { name: "fdatasync of the disk", points: sync_line },
        Line { name: "events, file system in memory", points: memory_line },
    ];
    Picture { title: "Durable events a second", x: "clients at once", y: "per second", lines }
        .write(&effort.plots, "durability");
}

/// How often a second a file can be extended by 4 kB and synchronised.
fn syncs_per_second(directory: &Path) -> f64 {
    let path = directory.join("syncs");
    let mut file = std::fs::File::create(&path).unwrap();
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < Duration::from_millis(700) {
        file.write_all(&[count.to_le_bytes()[0]; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    std::fs::remove_file(path).unwrap();
    rate
}
