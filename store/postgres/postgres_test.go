package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pickup/store"
	"pickup/store/postgres"
	"pickup/store/storetest"
)

// cluster is a private server that the tests start.
type cluster struct {
	port int
	made atomic.Int64 // databases
}

// startCluster starts a server from Debian's package in a directory of its own.
// It refuses to run as root, so root starts it as the user postgres.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	bin := binaries(t)
	home, err := os.MkdirTemp("", "pickup-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	as := serverUser(t, home)
	data := filepath.Join(home, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir = home
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return cmd
	}
	if out, err := run("initdb", "-D", data, "-U", "pickup", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c := &cluster{port: freePort(t)}
	server := run("postgres", "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-k", home)
	logs := &strings.Builder{}
	server.Stderr = logs
	if err := server.Start(); err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		<-exited
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		s, err := postgres.Open(t.Context(), c.url("postgres"), slog.New(slog.DiscardHandler))
		if err == nil {
			_ = s.Close()
			return c
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("postgres ended: %v\n%s", err, logs)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("postgres does not answer: %v", err)
		}
	}
}

// binaries is where Debian keeps the newest server.
func binaries(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL is not installed: install Debian's package postgresql (apt-get install postgresql)")
	}
	return filepath.Dir(found[len(found)-1])
}

// serverUser is who runs the server, nil for ourselves; home becomes his.
func serverUser(t *testing.T, home string) *syscall.Credential {
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres://pickup@127.0.0.1:%d/%s?sslmode=disable", c.port, database)
}

// database makes an empty database and returns its URL.
func (c *cluster) database(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("site%d", c.made.Add(1))
	out, err := exec.CommandContext(t.Context(), filepath.Join(binaries(t), "createdb"), "-h", "127.0.0.1", "-p",
		strconv.Itoa(c.port), "-U", "pickup", name).CombinedOutput()
	if err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return c.url(name)
}

func TestPostgres(t *testing.T) {
	c := startCluster(t)
	t.Run("conformance", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Full { return open(t, c.database(t)) })
	})
	t.Run("opening again finds what was written", func(t *testing.T) {
		url := c.database(t)
		s := open(t, url)
		if err := s.SetMeta(t.Context(), "realm", "pickup"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, url)
		defer s.Close()
		if value, ok, err := s.Meta(t.Context(), "realm"); value != "pickup" || !ok || err != nil {
			t.Fatalf("got %q %v %v", value, ok, err)
		}
	})
	t.Run("a write after the server cut the connection is taken", func(t *testing.T) {
		url := c.database(t)
		s := open(t, url)
		defer s.Close()
		for range 3 {
			c.cut(t)
			if err := s.SetMeta(t.Context(), "k", "v"); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a server that is not there is an error without the password", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := postgres.Open(ctx, fmt.Sprintf("postgres://u:hidden@127.0.0.1:%d/x", freePort(t)), slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Fatalf("got %v", err)
		}
	})
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cut ends every connection to the databases of the tests.
func (c *cluster) cut(t *testing.T) {
	t.Helper()
	const query = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'site%'`
	out, err := exec.CommandContext(t.Context(), filepath.Join(binaries(t), "psql"), "-h", "127.0.0.1", "-p", strconv.Itoa(c.port),
		"-U", "pickup", "-d", "postgres", "-c", query).CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}
