//! Sizes, start-up times and idle memory of the two programs, read from the programs themselves.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::images;

/// Starts of each program; the median is told.
const STARTS: usize = 5;
/// How long a program idles before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Prints a table; asserts nothing.
pub(crate) fn measure() -> Result<()> {
    let runtime = images::program("tracardi-runtime", "tracardi")?;
    let operator = images::program("tracardi-operator", "tracardi-operator")?;
    println!("{:<20} {:>10} {:>18} {:>14}", "program", "size", "start to ready", "idle memory");
    let folder = std::env::temp_dir().join(format!("tracardi-measure-{}", std::process::id()));
    let started = row("tracardi standalone", &runtime, |address| {
        let free = || free_address().map(|address| address.to_string());
        let mut command = Command::new(&runtime);
        command.arg("standalone").arg("--data").arg(&folder);
        command.args(["--public-listen", &free()?, "--private-listen", &free()?, "--gui-listen", &free()?]);
        command.args(["--management-listen", &address.to_string()]);
        Ok(command)
    });
    let _ = fs::remove_dir_all(&folder);
    started?;
    if std::env::var_os("KUBECONFIG").is_some() {
        row("operator", &operator, |address| {
            let mut command = Command::new(&operator);
            command.args(["run", "--listen", &address.to_string()]);
            Ok(command)
        })
    } else {
        println!("operator: set KUBECONFIG to a cluster that has the CRD to measure it");
        Ok(())
    }
}

fn row(name: &str, program: &Path, command: impl Fn(SocketAddr) -> Result<Command>) -> Result<()> {
    let mut times = Vec::new();
    let mut memory = 0.0;
    for start in 0..STARTS {
        let address = free_address()?;
        let mut command = command(address)?;
        let begin = Instant::now();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let ready = wait_ready(&mut child, address);
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        if ready.is_ok() && start + 1 == STARTS {
            std::thread::sleep(IDLE);
            memory = resident(child.id())?;
        }
        let _ = child.kill();
        let _ = child.wait();
        ready.with_context(|| name.to_owned())?;
    }
    times.sort_by(f64::total_cmp);
    let size = fs::metadata(program)?.len();
    let median = times.get(STARTS / 2).copied().unwrap_or_default();
    println!("{name:<20} {:>7.1} MB {median:>15.0} ms {memory:>11.1} MB", images::megabytes(size));
    Ok(())
}

fn wait_ready(child: &mut Child, address: SocketAddr) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait()? {
            bail!("ended with {status} before it was ready");
        }
        if answers_ready(address) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bail!("not ready within 20 s")
}

fn answers_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) else { return false };
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_millis(500))).is_ok()
        && stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// Resident memory in megabytes.
fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the program is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is no number")?;
    Ok(kilobytes / 1024.0)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
