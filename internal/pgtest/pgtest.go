// Package pgtest starts a private PostgreSQL server of Debian's package for
// tests: an empty cluster in a directory of its own, on a free port of
// 127.0.0.1, stopped and removed when the test ends. The machine's own clusters
// are not touched. It holds no product code.
package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// startWait is the longest that a server may take to answer.
const startWait = 60 * time.Second

// Cluster is a running server. Its methods may be called from any goroutine of
// the test that started it, Stop and Resume from one at a time.
type Cluster struct {
	bin    string              // where Debian keeps the programs
	home   string              // everything of this cluster
	as     *syscall.Credential // who runs it, nil for ourselves
	port   int
	made   atomic.Int64 // databases
	server *process     // nil while stopped
}

// process is one run of the server.
type process struct {
	cmd    *exec.Cmd
	logs   bytes.Buffer  // read when exited is closed
	exited chan struct{} // closed at its end
	err    error         // what it ended with, read when exited is closed
}

// Start starts a server, which refuses to run as root: root starts it as the
// user postgres. It fails the test, naming the package, where PostgreSQL is not
// installed.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{bin: programs(t), port: freePort(t)}
	home, err := os.MkdirTemp("", "pickup-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	c.home, c.as = home, serverUser(t, home)
	if out, err := c.program("initdb", "-D", c.data(), "-U", "pickup", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(c.halt)
	c.Resume(t)
	return c
}

// Resume starts the server that Stop ended, on the same port and data, and
// returns when it answers.
func (c *Cluster) Resume(t testing.TB) {
	t.Helper()
	p := &process{exited: make(chan struct{})}
	p.cmd = c.program("postgres", "-D", c.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-k", c.home)
	p.cmd.Stderr = &p.logs
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	c.server = p
	go func() { p.err = p.cmd.Wait(); close(p.exited) }()
	for began := time.Now(); ; {
		// It waits a second for an answer.
		out, err := c.program("pg_isready", "-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-t", "1").CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-p.exited:
			t.Fatalf("postgres ended: %v\n%s", p.err, &p.logs)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(began) > startWait {
			t.Fatalf("postgres does not answer in %v: %s", startWait, out)
		}
	}
}

// Stop ends the server and every connection to it, and returns when it is gone:
// a client is refused until Resume. What was committed stays.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	if c.server == nil {
		t.Fatal("postgres is stopped already")
	}
	c.halt()
}

func (c *Cluster) halt() {
	if c.server == nil {
		return
	}
	_ = c.server.cmd.Process.Signal(syscall.SIGINT) // fast shutdown
	<-c.server.exited
	c.server = nil
}

// data is where the cluster keeps its files.
func (c *Cluster) data() string { return filepath.Join(c.home, "data") }

// program is one of Debian's, run as the server's user.
func (c *Cluster) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

// URL is the address of a database, for PICKUP_DATABASE_URL and the driver.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://pickup@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// Database makes an empty database and returns its URL.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("site%d", c.made.Add(1))
	c.do(t, "createdb", name)
	return c.URL(name)
}

// Cut ends every connection to the databases that Database made.
func (c *Cluster) Cut(t testing.TB) {
	t.Helper()
	c.do(t, "psql", "-d", "postgres", "-c", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'site%'`)
}

// do runs a client program.
func (c *Cluster) do(t testing.TB, program string, args ...string) {
	t.Helper()
	args = append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-U", "pickup"}, args...)
	if out, err := exec.CommandContext(t.Context(), filepath.Join(c.bin, program), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// programs is where Debian keeps those of the newest server.
func programs(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL is not installed: install Debian's package postgresql (apt-get install postgresql)")
	}
	return filepath.Dir(found[len(found)-1])
}

// serverUser is who runs the server, nil for ourselves; home becomes his.
func serverUser(t testing.TB, home string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("the user postgres of Debian's package postgresql is missing: %v", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(home, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
