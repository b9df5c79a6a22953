// Command pickup is the call-center server: it answers players' calls, queues
// them, rings agents, records, calls back, and leaves tickets.
//
// It only wires: each subcommand reads the settings, makes the parts and hands
// them to each other. Nothing else in the project exits the process.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pickup:", err)
		os.Exit(1)
	}
}
