"""docs/cluster: the Slurm script on a real Slurm of one node, started for it, and the commands of
the Kubernetes manifests. What comes out, merged, is what one evaluation writes."""
import os, pwd, re, shutil, socket, subprocess, sys, time

from harness import HERE, MODEL, XLENS, CliTest, main, skip_loudly

CLUSTER = HERE.parent.parent / "docs/cluster"
SHARDS = 2
TIMEOUT = 60  # seconds for all that Slurm does; it takes three
CONF = """\
ClusterName=xlens
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={dir}/munge/socket
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
NodeName=localhost NodeAddr=127.0.0.1 CPUs=8 RealMemory=16384
PartitionName=all Nodes=ALL Default=YES
"""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.pictures(broken=True)
        # The scripts find the program as users' do.
        (self.tmp / "bin").mkdir()
        (self.tmp / "bin/xlens").symlink_to(os.path.abspath(XLENS))
        self.env["PATH"] = f"{self.tmp / 'bin'}:{os.environ['PATH']}:/usr/sbin"
        self.results = self.tmp / "results"
        self.options = ["--label", self.names()]
        self.task = [MODEL, self.root, self.results, *self.options]

    def rows(self, db):
        return self.xlens("export", "--db", db, "--format", "csv", "-o", "-")[0]

    def check_merged(self, db, shards, *options):
        """The rows of all shards, each of which had some, are those of one evaluation."""
        self.xlens("eval", "-m", MODEL, "--db", self.db, *options, self.root, status=1)
        self.assertEqual(self.rows(db), self.rows(self.db))
        run, = self.document("runs", "--db", db)["runs"]
        self.assertEqual((run["state"], run["images"], len(run["sources"])), ("complete", 13, shards))
        self.assertTrue(all(source["rows"] for source in run["sources"]))

    # ---- Slurm ----

    def daemon(self, name, *args):
        log = open(self.tmp / f"slurm/{os.path.basename(name)}.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([name, *args], env=self.env, stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start_slurm(self):
        """Why Slurm does not start here; None when it has a node that takes jobs."""
        missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
                   if not shutil.which(name, path=self.env["PATH"])]
        if missing:
            return f"{' '.join(missing)}: not installed"
        folder = self.tmp / "slurm"
        os.chmod(self.tmp, 0o755)  # munged wants its socket where all can reach it
        for name in ("", "munge", "state", "spool"):
            (folder / name).mkdir(mode=0o755)
        key = folder / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        config = folder / "slurm.conf"
        config.write_text(CONF.format(dir=folder, user=pwd.getpwuid(os.getuid()).pw_name, ports=free_ports(2)))
        self.env["SLURM_CONF"] = str(config)
        daemons = [self.daemon("munged", "--foreground", "--force", f"--key-file={key}",
                               f"--socket={folder}/munge/socket", f"--pid-file={folder}/munge/pid",
                               f"--seed-file={folder}/munge/seed", "--num-threads=2")]
        self.wait(lambda: (folder / "munge/socket").exists() or daemons[0].poll() is not None)
        daemons += [self.daemon("slurmctld", "-D"), self.daemon("slurmd", "-D", "-N", "localhost")]

        def state():
            return subprocess.run(["sinfo", "--noheader", "--format=%T"], env=self.env, text=True,
                                  capture_output=True).stdout.strip()
        if self.wait(lambda: state() == "idle" or any(d.poll() is not None for d in daemons)) \
                and state() == "idle":
            return None
        return "\n".join([f"no idle node: {state() or 'no answer'}",
                          *(p.read_text()[-500:] for p in sorted(folder.glob("*.log")))])

    @staticmethod
    def wait(done):
        until = time.monotonic() + TIMEOUT
        while not done() and time.monotonic() < until:
            time.sleep(0.05)
        return time.monotonic() < until

    def ask_slurm(self, *command):
        done = subprocess.run([*command], env=self.env, cwd=self.tmp, text=True, capture_output=True,
                              timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def states(self):
        return self.ask_slurm("squeue", "--states=all", "--noheader", "--format=%T").split()

    def logs(self):
        return "\n".join(f"{p.name}: {p.read_text()}" for p in self.tmp.glob("*.log"))

    def test_slurm(self):
        why = self.start_slurm()
        if why:
            print(f"SKIPPED: Slurm does not start here: eval.sbatch ran as {SHARDS} processes with what it "
                  f"would set\n{why}", file=sys.stderr)
            self.as_processes()
        else:
            array = self.ask_slurm("sbatch", "--parsable", f"--array=1-{SHARDS}", CLUSTER / "eval.sbatch",
                                   *self.task)
            merge = re.search(r"(?m)^sbatch --dependency=afterok:\$id --wrap '(.*)'$",
                              (CLUSTER / "README.md").read_text())[1]
            self.ask_slurm("sbatch", f"--dependency=afterok:{array}", "--output=merge.log",
                           "--wrap", merge.replace("RESULTS", str(self.results)))
            self.wait(lambda: not {"PENDING", "RUNNING", "COMPLETING"} & set(self.states())
                      or "FAILED" in self.states())
            self.assertEqual(set(self.states()), {"COMPLETED"}, self.logs())
        self.check_merged(self.results / "all.db", SHARDS, *self.options)

    def task_alone(self, i, model=MODEL):
        """A task of the array without Slurm."""
        env = {**self.env, "SLURM_ARRAY_TASK_ID": str(i), "SLURM_ARRAY_TASK_COUNT": str(SHARDS),
               "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "1", "SLURM_CPUS_PER_TASK": "1"}
        return subprocess.run(["bash", CLUSTER / "eval.sbatch", model, *self.task[1:]], env=env,
                              capture_output=True, text=True)

    def as_processes(self):
        for i in range(1, SHARDS + 1):
            done = self.task_alone(i)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.xlens("merge", "--db", self.results / "all.db", *sorted(self.results.glob("shard-*.db")))

    def test_what_is_no_failed_picture_fails_the_task(self):
        self.assertEqual(self.task_alone(1, model=self.tmp / "none").returncode, 3)

    # ---- Kubernetes ----

    def manifest(self, name):
        """A Job's spec and its only container, checked as far as the commands rely on it."""
        try:
            import yaml
        except ImportError:
            skip_loudly("no Python package yaml: the Kubernetes manifests were not read")
        job = yaml.safe_load((CLUSTER / name).read_text())
        self.assertEqual((job["apiVersion"], job["kind"]), ("batch/v1", "Job"))
        pod = job["spec"]["template"]["spec"]
        self.assertIn(pod["restartPolicy"], ("OnFailure", "Never"))  # all that a Job may have
        container, = pod["containers"]
        mounts = [m["name"] for m in container["volumeMounts"]]
        self.assertEqual(sorted(mounts), sorted(v["name"] for v in pod["volumes"]))
        paths = [m["mountPath"] for m in container["volumeMounts"]]
        for variable in container["env"]:
            self.assertIsInstance(variable["value"], str, variable)  # a number is refused
            if variable["value"].startswith("/"):
                self.assertTrue(any(variable["value"].startswith(p) for p in paths), variable)
        return job["spec"], container

    def run_container(self, container, values, **more):
        """The command with the manifest's environment, its paths replaced by ours."""
        env = {v["name"]: values.get(v["name"], v["value"]) for v in container["env"]}
        self.assertLessEqual(set(values), set(env))
        done = subprocess.run(container["command"], env={**self.env, **env, **more}, text=True,
                              capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_kubernetes(self):
        spec, container = self.manifest("eval.yaml")
        shards = spec["completions"]
        self.assertEqual(spec["completionMode"], "Indexed")
        self.assertEqual({v["name"]: v["value"] for v in container["env"]}["SHARDS"], str(shards))
        self.results.mkdir()
        values = {"MODEL": MODEL, "DATASET": str(self.root), "RESULTS": str(self.results)}
        for index in range(shards):
            self.run_container(container, values, JOB_COMPLETION_INDEX=str(index))
        _, container = self.manifest("merge.yaml")
        self.run_container(container, {"RESULTS": str(self.results)})
        self.check_merged(self.results / "all.db", shards)


main()
