//! What deploy/ and docs/systemd/ say of the program, held against the program: arguments, keys, paths
//! and exit statuses. `deploy/check` holds the manifests against the published schemas.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rostersync::attempt::Ending;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::folder;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The user of the image, of the pods and of the volumes.
const USER: i64 = 65532;

/// Where the manifests mount configurations, secrets, and the volumes of the stores and of what was
/// sent.
const MOUNTS: [&str; 4] =
    ["/etc/rostersync", "/run/secrets/rostersync", "/var/lib/rostersync", "/var/lib/rostersync-sent"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// The files below a folder with this ending, by their paths in the repository.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(ROOT).join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == ending) {
                found.push(path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// All objects of the manifests, with their file.
fn objects() -> Vec<(String, Yaml)> {
    let read = |file: String| {
        let documents = YamlLoader::load_from_str(&read(&file)).unwrap();
        documents.into_iter().map(move |document| (file.clone(), document)).collect::<Vec<_>>()
    };
    files("deploy/kubernetes", "yaml").into_iter().flat_map(read).collect()
}

/// What is said of pods: of a job, of a CronJob, or of a patch of it.
fn pods() -> Vec<(String, Yaml)> {
    let pod = |(file, object): (String, Yaml)| {
        let job = match object["kind"].as_str()? {
            "CronJob" => object["spec"]["jobTemplate"].clone(),
            "Job" => object,
            _ => return None,
        };
        Some((file, job["spec"]["template"]["spec"].clone()))
    };
    objects().into_iter().filter_map(pod).collect()
}

fn list<'y>(of: &'y Yaml, key: &str) -> &'y [Yaml] {
    of[key].as_vec().map_or(&[], Vec::as_slice)
}

fn words(of: &Yaml, key: &str) -> Vec<String> {
    list(of, key).iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The program with an empty environment.
fn program(arguments: &[String], environment: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
    command.env_clear().envs(environment.iter().cloned()).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every way in which a run can end, but for those that are no failure.
fn failures() -> BTreeSet<i64> {
    let of_a_run = Ending::ALL.into_iter().map(|ending| i64::from(ending.exit()));
    of_a_run.filter(|exit| !matches!(exit, 0 | 128)).chain([129, 130, 143]).collect()
}

/// The argument lists of the manifests, of the Nomad job and of the units.
fn command_lines() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for (file, pod) in pods() {
        for container in list(&pod, "containers") {
            found.push((file.clone(), words(container, "args")));
        }
    }
    for file in files("deploy", "hcl") {
        let text = read(&file);
        let lists = text.split("args = [").skip(1).map(|rest| rest.split(']').next().unwrap().to_owned());
        for list in lists {
            let words = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            found.push((file.clone(), words));
        }
    }
    for file in files("docs/systemd", "service") {
        let text = read(&file);
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        found.push((file, line.split(' ').skip(1).map(str::to_owned).collect()));
    }
    found
}

#[test]
fn every_argument_of_the_manifests_is_one_of_the_program() {
    let mut seen = BTreeSet::new();
    for (file, mut arguments) in command_lines() {
        if arguments.is_empty() || !seen.insert(arguments.clone()) {
            continue;
        }
        // What stands before it is read first, so that a wrong word is still a mistake.
        arguments.push("--help".to_owned());
        let output = program(&arguments, &[]);
        assert!(output.status.success(), "{file}: {arguments:?}: {}", said(&output));
    }
    assert!(seen.len() > 2, "{seen:?}");
}

/// A folder as the kubelet makes it of a ConfigMap or a Secret: each file is a link into a folder
/// that is replaced as a whole.
fn mounted(folder: &Path, files: &[(String, String)], mode: u32) {
    let data = folder.join("..2026_11_26_02_15_00.1");
    fs::create_dir_all(&data).unwrap();
    symlink("..2026_11_26_02_15_00.1", folder.join("..data")).unwrap();
    for (name, text) in files {
        fs::write(data.join(name), text).unwrap();
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode)).unwrap();
        symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
    }
}

/// A pod of these configurations: its mounts below a folder, and the secrets that are named there.
struct Pod {
    folder: tempfile::TempDir,
}

impl Pod {
    fn new(configurations: &[&str]) -> Self {
        let pod = Self { folder: folder() };
        let (mut files, mut secrets) = (Vec::new(), BTreeSet::new());
        for path in configurations {
            let text = read(path);
            for rest in text.split(MOUNTS[1]).skip(1) {
                secrets.insert(rest.split('"').next().unwrap().trim_start_matches('/').to_owned());
            }
            let name = Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
            files.push((name, pod.below(&text)));
        }
        mounted(&pod.path(MOUNTS[0]), &files, 0o644);
        let secrets: Vec<(String, String)> =
            secrets.into_iter().map(|name| (name, "https://hc.example/x\n".to_owned())).collect();
        mounted(&pod.path(MOUNTS[1]), &secrets, 0o440);
        for volume in &MOUNTS[2..] {
            fs::create_dir_all(pod.path(volume)).unwrap();
            // As the kubelet leaves the root of a volume with fsGroup.
            fs::set_permissions(pod.path(volume), fs::Permissions::from_mode(0o2775)).unwrap();
        }
        pod
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.folder.path().join(absolute.trim_start_matches('/'))
    }

    /// The text with the paths of this pod in place of those of the manifests.
    fn below(&self, text: &str) -> String {
        MOUNTS.iter().fold(text.to_owned(), |text, mount| {
            let own = self.path(mount).display().to_string();
            text.replace(&format!("{mount}/"), &format!("{own}/")).replace(&format!("\"{mount}\""), &own)
        })
    }

    /// The program, with arguments of a manifest.
    fn program(&self, arguments: &[&str]) -> Output {
        let own = |word: &&str| match MOUNTS.contains(word) {
            true => self.path(word).display().to_string(),
            false => self.below(word),
        };
        let arguments: Vec<String> = arguments.iter().map(own).collect();
        program(&arguments, &[("ROSTERSYNC_ALLOW_ROOT", "true".to_owned())])
    }
}

/// `check` reads every key and every secret, and connects to nothing.
#[test]
fn the_district_of_the_manifests_is_one_for_the_program() {
    let pod = Pod::new(&["deploy/kubernetes/district/rostersync.toml"]);
    let output = pod.program(&["--config", "/etc/rostersync/rostersync.toml", "check"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = pod.program(&["--config", "/etc/rostersync/rostersync.toml", "config", "show"]);
    let shown = said(&output);
    for key in ["store", "reports", "sent_log"] {
        let line = shown.lines().find(|line| line.trim_start().starts_with(&format!("{key} "))).unwrap();
        assert!(line.contains(pod.path(MOUNTS[2]).to_str().unwrap()), "outside of the volumes: {line}");
    }
}

/// The districts of a shard are found in the folder of the ConfigMap, and what they share is none.
#[test]
fn a_shard_of_the_manifests_is_a_fleet_for_the_program() {
    for shard in ["00", "01"] {
        let own = files(&format!("deploy/kubernetes/shards/{shard}"), "toml");
        let all: Vec<&str> =
            own.iter().map(String::as_str).chain(["deploy/kubernetes/shards/shard/defaults.toml"]).collect();
        let pod = Pod::new(&all);
        let output = pod.program(&["fleet", "check", "/etc/rostersync"]);
        let said = said(&output);
        assert!(output.status.success() && !said.contains("defaults "), "{said}");
        for path in &own {
            let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
            assert!(said.contains(name), "{name}: {said}");
            // Each has a folder of its own in the volume.
            let text = read(path);
            for key in [
                format!("store = \"/var/lib/rostersync/{name}/"),
                format!("reports = \"/var/lib/rostersync/{name}/"),
                format!("sent_log = \"/var/lib/rostersync-sent/{name}.sent\""),
            ] {
                assert!(text.contains(&key), "{path}: {key}");
            }
        }
    }
}

#[test]
fn every_exit_status_of_a_run_is_in_one_rule() {
    let mut policies = 0;
    for (file, object) in objects() {
        let rules = &object["spec"]["jobTemplate"]["spec"]["podFailurePolicy"];
        if rules.is_badvalue() {
            continue;
        }
        policies += 1;
        let mut known = BTreeSet::new();
        for rule in list(rules, "rules") {
            for exit in list(&rule["onExitCodes"], "values") {
                let exit = exit.as_i64().unwrap();
                assert!(known.insert(exit), "{file}: {exit} is in two rules");
                let needs_a_person = matches!(exit, 3 | 4 | 8);
                let action = rule["action"].as_str().unwrap();
                assert_eq!(
                    action == "FailJob",
                    needs_a_person || exit == 2 && !file.contains("shard"),
                    "{exit}"
                );
            }
        }
        assert_eq!(known, failures(), "{file}");
        assert_eq!(list(rules, "rules")[0]["onPodConditions"][0]["type"].as_str(), Some("DisruptionTarget"));
    }
    assert_eq!(policies, 2, "the base, and the shards");
}

/// What the level `restricted` of Kubernetes asks of a pod, and what the program needs besides.
#[test]
fn the_pods_have_no_rights_and_one_holder() {
    let (_, pod) = pods().into_iter().find(|(file, _)| file.ends_with("base/cronjob.yaml")).unwrap();
    let own = &pod["securityContext"];
    assert_eq!(own["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(own["seccompProfile"]["type"].as_str(), Some("RuntimeDefault"));
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert_eq!(own[key].as_i64(), Some(USER), "{key}");
    }
    assert_eq!(pod["automountServiceAccountToken"].as_bool(), Some(false));
    let container = &list(&pod, "containers")[0];
    let rights = &container["securityContext"];
    assert_eq!(rights["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert_eq!(rights["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(words(&rights["capabilities"], "drop"), ["ALL"]);
    let mounts: Vec<&str> =
        list(container, "volumeMounts").iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
    assert_eq!(mounts, [MOUNTS[0], MOUNTS[1], MOUNTS[2], MOUNTS[3], "/tmp"]);
    // The image has the same user.
    assert!(read("deploy/Containerfile").matches(&format!("USER {USER}:{USER}")).count() == 2);
    assert!(read("packaging/image-root").contains(&format!("rostersync:x:{USER}:{USER}:")));
    let cron = objects().into_iter().find(|(file, _)| file.ends_with("base/cronjob.yaml")).unwrap().1;
    assert_eq!(cron["spec"]["concurrencyPolicy"].as_str(), Some("Forbid"));
    let volume = objects().into_iter().find(|(file, _)| file.ends_with("base/volume.yaml")).unwrap().1;
    assert_eq!(words(&volume["spec"], "accessModes"), ["ReadWriteOncePod"]);
}
