//! Servers that are jars: fetched by Maven once a version, kept in the cache, started with little memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tracardi_machine::files::{hex, make_folder, write};
use tracardi_machine::packages::Need;
use tracardi_machine::progress::step;
use tracardi_machine::run::{capture, command, run};
use tracardi_machine::{Error, Progress, Result, cache};

use crate::recipe::{Launch, Place};

/// What every server of this kind needs from Debian.
pub(crate) const PACKAGES: &[Need] =
    &[("java", "openjdk-17-jre-headless"), ("javac", "openjdk-17-jdk-headless"), ("mvn", "maven")];

const DEPENDENCY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
const LOGGING: &str = include_str!("../java/log4j2.properties");
/// Folders of Debian and of others in which Java virtual machines are installed.
const MACHINES: &str = "/usr/lib/jvm";

/// A server made of jars.
#[derive(Debug)]
pub(crate) struct Jars {
    /// As in `kafka`.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// A pom that names the jars, with `@VERSION@` where the version belongs.
    pub(crate) pom: &'static str,
    /// A plugin in a zip file, by its Maven coordinates, again with `@VERSION@`. Its jars join the others, where those do not
    /// have the same one already; the rest of it is at [`Jars::plugin_file`]. It may be a whole distribution, in a folder
    /// with a `lib` of its own.
    pub(crate) plugin: Option<&'static str>,
    /// Java files of ours: name and text. They are compiled against the jars.
    pub(crate) sources: &'static [(&'static str, &'static str)],
    /// The oldest Java that it runs on.
    pub(crate) java: u32,
    /// What it wants of the virtual machine.
    pub(crate) flags: &'static [&'static str],
}

impl Jars {
    fn pom(&self) -> String {
        self.pom.replace("@VERSION@", self.version)
    }

    /// `<cache>/servers/<name>-<version>-<hash of what it is made from>`.
    fn folder(&self) -> Result<PathBuf> {
        let mut hash = Sha256::new();
        hash.update(self.pom());
        hash.update(self.plugin.unwrap_or_default());
        for (name, text) in self.sources {
            hash.update(name);
            hash.update(text);
        }
        let key = hex(hash.finalize().get(..6).unwrap_or_default());
        Ok(cache()?.join("servers").join(format!("{}-{}-{key}", self.name, self.version)))
    }

    /// Whether it is in the cache.
    pub(crate) fn is_fetched(&self) -> bool {
        self.folder().is_ok_and(|folder| folder.is_dir()) && java_home(self.java).is_ok()
    }

    /// Fetches the jars and compiles what is ours. A run that is killed leaves nothing that looks finished.
    pub(crate) fn fetch(&self, progress: &mut dyn Progress) -> Result<()> {
        let home = java_home(self.java)?;
        let folder = self.folder()?;
        let parent = cache()?.join("servers");
        make_folder(&parent)?;
        // One at a time: Maven's own repository is shared.
        let lock = File::create(parent.join("lock")).map_err(Error::io("cannot create", &parent))?;
        lock.lock().map_err(Error::io("cannot lock", &parent))?;
        if folder.is_dir() {
            return Ok(());
        }
        step(progress, &format!("fetching {} {} (jars, by Maven; once)", self.name, self.version), |_| {
            let making = folder.with_extension("making");
            if making.exists() {
                fs::remove_dir_all(&making).map_err(Error::io("cannot remove", &making))?;
            }
            write(&making.join("pom.xml"), &self.pom())?;
            maven(&making, "copy-dependencies", "-DincludeScope=runtime", "lib")?;
            make_folder(&making.join("lib"))?;
            if let Some(plugin) = self.plugin {
                let artifact = format!("-Dartifact={}", plugin.replace("@VERSION@", self.version));
                maven(&making, "unpack", &artifact, "plugin")?;
                join(&making.join("plugin"), &making.join("lib"))?;
            }
            self.compile(&home, &making)?;
            fs::rename(&making, &folder).map_err(Error::io("cannot rename", &making))
        })
    }

    /// A file of the plugin that is no jar.
    pub(crate) fn plugin_file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.folder()?.join("plugin").join(name))
    }

    fn compile(&self, home: &Path, making: &Path) -> Result<()> {
        let mut files = Vec::new();
        for (name, text) in self.sources {
            let file = making.join("source").join(name);
            write(&file, text)?;
            files.push(file);
        }
        if files.is_empty() {
            return Ok(());
        }
        let mut jars = vec![making.join("lib/*")];
        for entry in fs::read_dir(making.join("plugin")).into_iter().flatten().flatten() {
            jars.push(entry.path().join("lib/*"));
        }
        let jars: Vec<String> = jars.iter().map(|jars| jars.display().to_string()).collect();
        let mut compiler = command(home.join("bin/javac"), ["-nowarn", "-cp"]);
        compiler.arg(jars.join(":")).arg("-d").arg(making.join("classes")).args(files);
        capture(compiler).map(drop)
    }

    /// Puts what was compiled into a jar, for a server that takes what is ours as a plugin only.
    pub(crate) fn archive(&self, jar: &str) -> Result<()> {
        let classes = self.folder()?.join("classes");
        let words = ["--create", "--file", jar, "-C", &classes.to_string_lossy(), "."];
        run(java_home(self.java)?.join("bin/jar"), words).map(drop)
    }

    /// A virtual machine with these jars, at most this much heap, its output in the server's log. The main class and its
    /// arguments are still to be added.
    pub(crate) fn machine(&self, place: &Place, heap_megabytes: u32) -> Result<Launch> {
        let logging = place.write("log4j2.properties", LOGGING)?;
        let folder = self.folder()?;
        let class_path = format!("{}:{}", folder.join("lib/*").display(), folder.join("classes").display());
        let mut launch = Launch::new(
            "",
            [
                format!("-Xmx{heap_megabytes}m"),
                // Small, and quick to start: most of these servers live for seconds.
                "-XX:+UseSerialGC".to_owned(),
                "-XX:TieredStopAtLevel=1".to_owned(),
                "-XX:-UsePerfData".to_owned(),
                "-XX:+ExitOnOutOfMemoryError".to_owned(),
                format!("-Dlog4j2.configurationFile={logging}"),
                "-Dlog4j2.disable.jmx=true".to_owned(),
                "-cp".to_owned(),
                class_path,
            ],
        );
        launch = launch.before(self.flags.iter().copied());
        launch.program = java_home(self.java)?.join("bin/java");
        Ok(launch)
    }
}

/// Runs a goal of the dependency plugin on the pom in `making`, into one of its folders.
fn maven(making: &Path, goal: &str, argument: &str, folder: &str) -> Result<()> {
    let mut maven = command("mvn", ["-B", "-ntp", "-q", "-f"]);
    maven.arg(making.join("pom.xml")).arg(format!("{DEPENDENCY_PLUGIN}:{goal}")).arg(argument);
    maven.arg(format!("-DoutputDirectory={}", making.join(folder).display()));
    capture(maven).map(drop)
}

/// Moves the jars of `from` into `to`, but for those of which `to` has one, whatever its version.
fn join(from: &Path, to: &Path) -> Result<()> {
    let jars = |folder: &Path| -> Result<Vec<String>> {
        let entries = fs::read_dir(folder).map_err(Error::io("cannot list", folder))?;
        let files = entries.flatten().map(|entry| PathBuf::from(entry.file_name()));
        let jars = files.filter(|file| file.extension().is_some_and(|kind| kind == "jar"));
        Ok(jars.map(|file| file.to_string_lossy().into_owned()).collect())
    };
    let there: BTreeSet<String> = jars(to)?.iter().map(|jar| artifact(jar)).collect();
    for jar in jars(from)?.iter().filter(|jar| !there.contains(&artifact(jar))) {
        fs::rename(from.join(jar), to.join(jar)).map_err(Error::io("cannot move", &from.join(jar)))?;
    }
    Ok(())
}

/// The name of a jar without its version: `slf4j-api` of `slf4j-api-1.7.36.jar`.
fn artifact(jar: &str) -> String {
    let is_name = |part: &&str| !part.starts_with(|first: char| first.is_ascii_digit());
    jar.split('-').take_while(is_name).collect::<Vec<_>>().join("-")
}

/// Runs a virtual machine to its end; for the tools that come with a server.
pub(crate) fn run_to_end(launch: &Launch) -> Result<String> {
    run(&launch.program, &launch.arguments)
}

/// The oldest Java on this machine that is new enough.
pub(crate) fn java_home(least: u32) -> Result<PathBuf> {
    let mut homes: Vec<(u32, PathBuf)> = fs::read_dir(MACHINES)
        .into_iter()
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|home| home.join("bin/javac").exists())
        .filter_map(|home| Some((feature(&fs::read_to_string(home.join("release")).ok()?)?, home)))
        .filter(|(version, _)| *version >= least)
        .collect();
    homes.sort();
    homes.into_iter().next().map(|(_, home)| home).ok_or_else(|| {
        Error::unmet(
            format!("no Java development kit of version {least} or newer in {MACHINES}"),
            "install one there (Debian 12 has 17; Temurin has newer ones)",
        )
    })
}

/// The first number of the version in a `release` file: 17 of `JAVA_VERSION="17.0.15"`.
fn feature(release: &str) -> Option<u32> {
    let version = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION=\""))?;
    version.split(['.', '"', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_version_counts() {
        assert_eq!(feature("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n"), Some(17));
        assert_eq!(feature("JAVA_VERSION=\"25\"\n"), Some(25));
        assert_eq!(feature("JAVA_VERSION=\"26-ea\"\n"), Some(26));
        assert_eq!(feature("nothing"), None);
    }

    #[test]
    fn a_jar_is_known_by_its_name_without_the_version() {
        assert_eq!(artifact("slf4j-api-1.7.36.jar"), "slf4j-api");
        assert_eq!(artifact("scala-java8-compat_3-1.0.2.jar"), "scala-java8-compat_3");
        assert_eq!(artifact("plain.jar"), "plain.jar");
    }

    #[test]
    fn another_version_or_source_is_another_folder() {
        let jars = |version, sources| Jars {
            name: "x",
            version,
            pom: "<v>@VERSION@</v>",
            plugin: None,
            sources,
            java: 17,
            flags: &[],
        };
        let folder = |jars: Jars| jars.folder().unwrap();
        assert_eq!(folder(jars("1", &[])), folder(jars("1", &[])));
        assert_ne!(folder(jars("1", &[])), folder(jars("2", &[])));
        assert_ne!(folder(jars("1", &[])), folder(jars("1", &[("A.java", "class A {}")])));
    }
}
