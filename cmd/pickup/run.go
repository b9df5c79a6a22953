package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"

	"pickup/configs"
)

// version is set by the build.
var version = "dev"

// cli is the command line. Any setting is also a flag, as --http.listen=HOST:PORT.
type cli struct {
	Config string `help:"Settings file (YAML)." env:"PICKUP_CONFIG" placeholder:"FILE"`

	Serve    serveCmd    `cmd:"" help:"Answer calls."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to this version's schema."`
	Apply    applyCmd    `cmd:"" help:"Import a site file: queues, users, trunks, hours, menus, mailboxes."`
	User     userCmd     `cmd:"" help:"Users: list, set, token, disable."`
	Queue    queueCmd    `cmd:"" help:"Queues: list, set, remove."`
	Trunk    trunkCmd    `cmd:"" help:"Trunks and the numbers that lead here: list, set, remove."`
	Hours    hoursCmd    `cmd:"" help:"Opening hours: list, set, remove."`
	Mailbox  mailboxCmd  `cmd:"" help:"Mailboxes of support: list, add, remove, test."`
	Doctor   doctorCmd   `cmd:"" help:"Check settings, database, ports, addresses, certificates, trunks and mailboxes, and say what to set."`
	Backup   backupCmd   `cmd:"" help:"Copy the SQLite database while it is in use."`
	Simulate simulateCmd `cmd:"" help:"Run the queue in virtual time: agents and work by chance, or a past day by other rules."`
	Verify   verifyCmd   `cmd:"" help:"Check the recordings against their hashes, or the figures of a day against the event log."`
	Explain  explainCmd  `cmd:"" help:"Print the story of one call."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// env is what every subcommand gets.
type env struct {
	ctx     context.Context
	stdout  io.Writer
	stderr  io.Writer
	file    string
	environ []string
	flags   map[string]string
}

// settings reads the settings of this run.
func (e *env) settings() (*configs.Config, error) { return configs.Load(e.file, e.environ, e.flags) }

// logger makes the logger that the settings ask for.
func (e *env) logger(c *configs.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(e.stderr, o)
	if c.Log.Format == "json" {
		h = slog.NewJSONHandler(e.stderr, o)
	}
	log := slog.New(h)
	for _, w := range c.Warnings() {
		log.Warn(w)
	}
	return log
}

// errDone says that help was printed and nothing is left to do.
var errDone = errors.New("done")

// run is the program without its process.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	args, flags := splitSettings(args)
	var c cli
	done := false
	parser, err := kong.New(&c, kong.Name("pickup"), kong.Description("Call-center server for player support."),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { done = true }),
		kong.UsageOnError())
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	k, err := parser.Parse(args)
	if done {
		return nil
	}
	if err != nil {
		return err
	}
	e := &env{ctx: ctx, stdout: stdout, stderr: stderr, file: c.Config, environ: environ, flags: flags}
	if err := k.Run(e); err != nil && !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// splitSettings takes flags that are settings (their name has a dot) out of the
// arguments: --a.b=c.
func splitSettings(args []string) (rest []string, flags map[string]string) {
	flags = map[string]string{}
	for i, a := range args {
		if a == "--" {
			return append(rest, args[i:]...), flags
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if ok && strings.HasPrefix(a, "--") && strings.Contains(name, ".") {
			flags[name] = value
			continue
		}
		rest = append(rest, a)
	}
	return rest, flags
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.stdout, "pickup", version)
	return err
}
