"""A Mininet network of real Open vSwitches, one network namespace a switch, for Sluice's agents to program.

Reads a plan of the network (JSON, format below) and builds it; writes what it built, so that whoever started it finds
namespaces, ports and addresses; obeys commands on stdin; and takes everything down again on SIGTERM, SIGINT, or when its stdin closes.
It touches nothing but what it made: it never calls `mn -c`.

    {"switches": [{"id", "name", "prefix", "managementAddress"}],
     "hosts":    [{"node", "name", "address", "mac"}],
     "cables":   [{"id", "ends": [{"node", "port", "links": [...]}, {...}], "bps"}],
     "management": {"address": "10.254.0.1/16"}, "runDir": "..."}

Mininet 2.3 (Debian), Open vSwitch 3.1, userspace datapath; design notes in docs/lab.md.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import Host, Switch

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "br0"
SITE_PORT = 1
FIRST_LINK_PORT = 2
# Two MPLS labels and room for what the kernel adds.
CORE_MTU = 1600
PR_SET_PDEATHSIG = 1
# Of real-time processes; probers have 1.
SWITCH_PRIORITY = 2
LIBC = ctypes.CDLL(None, use_errno=True)
QUIET = ("-vconsole:warn", "-vsyslog:off", "-vfile:off")
# Priorities by MPLS traffic class: interactive, elastic, bulk.
BANDS = ((5, 1), (2, 2), (1, 3))


def die_with_parent():
    """For children: whatever happens to this process, they do not outlive it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def forward_first():
    """
    For switches: a real one shares its processor with nobody, and what else the machine does must not look like an outage. By real-time
    scheduling where it is allowed (95 % of the machine, sched_rt_runtime_us), else by niceness. Niceness alone does little where the kernel
    schedules by session (sched_autogroup_enabled): each process that Mininet starts has a session of its own.
    """
    die_with_parent()
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(SWITCH_PRIORITY))
    except PermissionError:
        pass


class LabSwitch(Switch):
    """An Open vSwitch of its own: database, daemon and ports in the switch's namespace."""

    def __init__(self, name, run_dir=None, **params):
        params["inNamespace"] = True
        Switch.__init__(self, name, **params)
        self.run_dir = os.path.join(run_dir, name)
        self.database = None
        self.switch = None

    def environment(self):
        env = dict(os.environ)
        env.update(OVS_RUNDIR=self.run_dir, OVS_LOGDIR=self.run_dir, OVS_DBDIR=self.run_dir)
        return env

    def run(self, *argv):
        """Runs a tool in the switch's namespace; its complaint is the exception."""
        done = self.popen(list(argv), env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = done.communicate(timeout=30)
        if done.returncode != 0:
            raise RuntimeError("%s on %s: %s" % (argv[0], self.name, err.decode().strip()))
        return out.decode()

    def daemon(self, *argv, prepare=die_with_parent):
        """Only from the main thread: a child dies with the thread that made it."""
        log = open(os.path.join(self.run_dir, os.path.basename(argv[0]) + ".out"), "ab")
        return self.popen(list(argv), env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare)

    def vsctl(self, *argv):
        return self.run("ovs-vsctl", "--db=unix:%s/db.sock" % self.run_dir, "--timeout=20", *argv)

    def start_database(self):
        os.makedirs(self.run_dir, exist_ok=True)
        if not os.path.exists(self.run_dir + "/conf.db"):
            self.run("ovsdb-tool", "create", self.run_dir + "/conf.db", SCHEMA)
        remote = "--remote=punix:%s/db.sock" % self.run_dir
        self.database = self.daemon("ovsdb-server", self.run_dir + "/conf.db", remote, "--pidfile=%s/ovsdb-server.pid" % self.run_dir, *QUIET)

    def start_switch(self):
        database = "unix:%s/db.sock" % self.run_dir
        self.switch = self.daemon("ovs-vswitchd", database, "--pidfile=%s/ovs-vswitchd.pid" % self.run_dir, *QUIET,
                                  prepare=forward_first)

    def add_bridge(self):
        # Unless told that queueing is not its business (linux-noop), Open vSwitch deletes the queueing disciplines of its ports.
        ports = ["--", "--id=@ours", "create", "QoS", "type=linux-noop"]
        for port, interface in sorted(self.port_names.items()):
            ports += ["--", "add-port", BRIDGE, interface, "--", "set", "Interface", interface, "ofport_request=%d" % port,
                      "--", "set", "Port", interface, "qos=@ours"]
        self.vsctl(
            "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev", "fail_mode=secure",
            "protocols=OpenFlow13,OpenFlow14,OpenFlow15", *ports)
        for interface in self.port_names.values():
            # add-br succeeds where the datapath does not.
            error = self.vsctl("get", "Interface", interface, "error").strip()
            if error != "[]":
                raise RuntimeError("Open vSwitch on %s: %s: %s" % (self.name, interface, error))

    def revive(self):
        """A daemon that was killed comes back, as a service manager would have it."""
        if self.switch.poll() is None:
            return
        control = self.run_dir + "/%s.mgmt" % BRIDGE
        if os.path.exists(control):
            os.unlink(control)
        with ReceiveBuffers():
            self.start_switch()
            wait_for(control)

    def children(self):
        return [child for child in (self.switch, self.database) if child is not None]

    def stop(self, deleteIntfs=False):
        """Interfaces go with their namespaces."""
        for child in self.children():
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        super().stop(deleteIntfs)


class ReceiveBuffers:
    """
    Open vSwitch reads packets from sockets whose buffers are as large as the kernel's default when it opens them; that holds a few hundred
    packets, which a busy machine loses. The default is raised while switches open their ports, and put back. In a network namespace that is not the
    machine's own it cannot be changed, and stays.
    """

    PATH = "/proc/sys/net/core/rmem_default"
    WANTED = 4 << 20

    def __enter__(self):
        with open(self.PATH) as file:
            self.before = int(file.read())
        self.is_ours = os.access(self.PATH, os.W_OK)
        if self.is_ours:
            self.write(max(self.before, self.WANTED))

    def __exit__(self, *_):
        if self.is_ours:
            self.write(self.before)

    def write(self, value):
        with open(self.PATH, "w") as file:
            file.write(str(value))


def wait_for(path, seconds=10):
    until = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > until:
            raise RuntimeError("%s did not appear" % path)
        time.sleep(0.01)


def root(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def batch(node, tool, lines):
    """Many commands of ip or tc in one process."""
    done = node.popen([tool, "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, err = done.communicate("".join(line + "\n" for line in lines).encode(), timeout=30)
    if done.returncode != 0:
        raise RuntimeError("%s on %s: %s" % (tool, node.name, err.decode().strip()))


def shape(interface, bps, anew=True):
    """
    Lines for tc. Capacity by htb, and in it the three classes: each has a hundredth of the link for certain, and what is left goes by priority, so
    that a more important class leaves the others no more than that (prio and fq_codel are not in every kernel). `anew` for an interface that
    has none of it yet.
    """
    burst = max(3200, bps // 8 // 100)
    lines = ["qdisc replace dev %s root handle 1: htb default 13" % interface] if anew else []
    lines.append("class replace dev %s parent 1: classid 1:1 htb rate %dbit burst %d cburst %d quantum 1600" % (interface, bps, burst, burst))
    for tc, band in BANDS:
        child = "1:1%d" % band
        lines.append("class replace dev %s parent 1:1 classid %s htb rate %dbit ceil %dbit prio %d burst 3200 cburst %d quantum 1600"
                     % (interface, child, max(8000, bps // 100), bps, band - 1, burst))
        # At most 50 ms of packets wait for each class.
        lines.append("qdisc replace dev %s parent %s bfifo limit %d" % (interface, child, max(15000, bps // 8 // 20)))
        if anew:
            # The traffic class (RFC 5462) is three bits of the third byte of the label entry.
            lines.append("filter add dev %s parent 1: protocol 0x8847 prio %d u32 match u8 0x%02x 0x0e at 2 flowid %s"
                         % (interface, band, tc << 1, child))
    return lines


class Lab:
    def __init__(self, plan):
        self.plan = plan
        self.net = Mininet(topo=None, build=False, controller=None, autoSetMacs=False, autoStaticArp=False)
        self.switches = {}
        self.hosts = {}
        self.links = {}
        self.management = None

    def build(self):
        run_dir = self.plan["runDir"]
        for number, each in enumerate(self.plan["switches"], 1):
            switch = self.net.addSwitch(each["name"], cls=LabSwitch, run_dir=run_dir, dpid="%016x" % number)
            switch.port_names = {}
            self.switches[each["id"]] = switch
        for each in self.plan["hosts"]:
            self.hosts[each["node"]] = self.net.addHost(each["name"], cls=Host, ip=None)
        for each in self.plan["hosts"]:
            switch = self.switches[each["node"]]
            interface = switch.name + "-site"
            self.net.addLink(self.hosts[each["node"]], switch, intfName1="eth0", intfName2=interface)
            switch.port_names[SITE_PORT] = interface
        for cable in self.plan["cables"]:
            (a, b) = cable["ends"]
            names = []
            for end in (a, b):
                switch = self.switches[end["node"]]
                interface = "%s-p%d" % (switch.name, end["port"])
                switch.port_names[end["port"]] = interface
                for link in end["links"]:
                    self.links[link] = {"node": end["node"], "interface": interface, "port": end["port"], "cable": cable["id"]}
                names.append(interface)
            self.net.addLink(self.switches[a["node"]], self.switches[b["node"]], intfName1=names[0], intfName2=names[1])
        self.management = self.net.addHost("mgmt", cls=Host, ip=None)
        self.net.build()

    def start(self):
        for each in self.plan["hosts"]:
            self.set_up_host(self.hosts[each["node"]], each)
        for switch, ends in self.ends({cable["id"]: cable["bps"] for cable in self.plan["cables"]}).items():
            batch(switch, "ip", ["link set %s mtu %d" % (interface, CORE_MTU) for interface, _ in ends])
            batch(switch, "tc", [line for interface, bps in ends for line in shape(interface, bps)])
        self.set_up_management()
        switches = self.switches.values()
        for switch in switches:
            switch.start_database()
        for switch in switches:
            wait_for(switch.run_dir + "/db.sock")
            switch.vsctl("--no-wait", "init")
            switch.start_switch()
        threads = [threading.Thread(target=self.bridge_one, args=(switch,)) for switch in switches]
        self.failures = []
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def ends(self, capacities):
        """Interfaces and their rates by switch, of the cables in `capacities`."""
        found = {}
        for cable in self.plan["cables"]:
            if cable["id"] in capacities:
                for end in cable["ends"]:
                    switch = self.switches[end["node"]]
                    found.setdefault(switch, []).append((switch.port_names[end["port"]], capacities[cable["id"]]))
        return found

    def obey(self, command):
        """{"shape": [[cable, bps], ...]} gives cables other capacities while packets flow."""
        for switch, ends in self.ends(dict(command["shape"])).items():
            batch(switch, "tc", [line for interface, bps in ends for line in shape(interface, bps, anew=False)])
        return {"shaped": len(command["shape"])}

    def bridge_one(self, switch):
        try:
            switch.add_bridge()
        except Exception as error:  # handed to the thread that waits
            self.failures.append(error)

    def set_up_host(self, host, given):
        for command in (
            ["ip", "link", "set", "eth0", "address", given["mac"]],
            ["ip", "addr", "add", given["address"] + "/32", "dev", "eth0"],
            ["ip", "link", "set", "eth0", "up"],
            ["ip", "link", "set", "lo", "up"],
            ["ip", "route", "add", "default", "dev", "eth0"],
            # Without it checksums are left to hardware that is not there, and TCP moves nothing.
            ["ethtool", "-K", "eth0", "tx", "off"],
        ):
            out, err, code = host.pexec(command)
            if code != 0:
                raise RuntimeError("%s on %s: %s" % (" ".join(command), host.name, err.strip()))
        batch(host, "ip", ["neigh replace %s lladdr %s dev eth0 nud permanent" % (other["address"], other["mac"])
                           for other in self.plan["hosts"] if other is not given])

    def set_up_management(self):
        """A bridge in a namespace of its own; a veth to each switch, and one to the root namespace."""
        inside = ["ip", "link", "add", "br-mgmt", "type", "bridge"]
        self.check(self.management, inside)
        self.check(self.management, ["ip", "link", "set", "br-mgmt", "up"])
        self.plug("sluice-mgmt", None, "m0")
        root("ip", "addr", "add", self.plan["management"]["address"], "dev", "sluice-mgmt")
        root("ip", "link", "set", "sluice-mgmt", "up")
        for number, each in enumerate(self.plan["switches"], 1):
            switch = self.switches[each["id"]]
            self.plug("mgmt0", switch, "m%d" % number)
            self.check(switch, ["ip", "addr", "add", each["managementAddress"], "dev", "mgmt0"])
            self.check(switch, ["ip", "link", "set", "mgmt0", "up"])
            self.check(switch, ["ip", "link", "set", "lo", "up"])

    def plug(self, name, switch, port):
        """A veth: `port` on the management bridge, `name` in the switch's namespace, or in the root's where there is none."""
        temporary = "slm%s" % port
        root("ip", "link", "add", temporary, "type", "veth", "peer", "name", "slp%s" % port)
        root("ip", "link", "set", "slp%s" % port, "netns", str(self.management.pid), "name", port)
        if switch is None:
            root("ip", "link", "set", temporary, "name", name)
        else:
            root("ip", "link", "set", temporary, "netns", str(switch.pid), "name", name)
        self.check(self.management, ["ip", "link", "set", port, "master", "br-mgmt", "up"])

    def check(self, node, command):
        out, err, code = node.pexec(command)
        if code != 0:
            raise RuntimeError("%s on %s: %s" % (" ".join(command), node.name, err.strip()))

    def describe(self):
        return {
            "pid": os.getpid(),
            "bridge": BRIDGE,
            "management": self.plan["management"],
            "switches": {
                each["id"]: {
                    "pid": self.switches[each["id"]].pid,
                    "name": each["name"],
                    "runDir": self.switches[each["id"]].run_dir,
                    "site": self.switches[each["id"]].port_names[SITE_PORT],
                    "ports": {i: p for p, i in self.switches[each["id"]].port_names.items()},
                } for each in self.plan["switches"]},
            "hosts": {
                each["node"]: {"pid": self.hosts[each["node"]].pid, "address": each["address"], "mac": each["mac"]}
                for each in self.plan["hosts"]},
            "links": self.links,
        }

    def stop(self):
        for switch in self.switches.values():
            for child in switch.children():
                child.terminate()
        for switch in self.switches.values():
            try:
                switch.stop()
            except Exception as error:
                print("sluice lab: %s: %s" % (switch.name, error), file=sys.stderr)
        subprocess.run(["ip", "link", "del", "sluice-mgmt"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for node in list(self.hosts.values()) + ([self.management] if self.management else []):
            node.terminate()
        for switch in self.switches.values():
            switch.terminate()


def obey_lines(lab, ended):
    """Each line on stdin is a command (JSON), and answered by a line; the end of stdin ends the lab."""
    for line in sys.stdin:
        try:
            answer = lab.obey(json.loads(line))
        except Exception as error:  # told to whoever asked
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    ended.set()


def main(plan):
    if os.geteuid() != 0:
        sys.exit("sluice lab: network namespaces need root")
    setLogLevel("error")
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda *_: ended.set())
    lab = Lab(plan)
    started = time.monotonic()
    try:
        lab.build()
        with ReceiveBuffers():
            lab.start()
        described = lab.describe()
        described["seconds"] = round(time.monotonic() - started, 3)
        print(json.dumps(described), flush=True)
        threading.Thread(target=obey_lines, args=(lab, ended), daemon=True).start()
        while not ended.wait(0.2):
            for switch in lab.switches.values():
                switch.revive()
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        lab.stop()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        main(json.load(file))
