// Command stock drives libraries of the stock implementation from tests written in another language: events go to
// standard output, one JSON object a line; commands come from standard input, one a line.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sync"
)

func main() {
	log.SetOutput(os.Stderr)
	commands := map[string]func([]string) error{
		"derp-client": derpClient,
		"stun":        stunRequest,
		"control":     control,
		"node":        node,
		"crowd":       crowd,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: stock derp-client|stun|control|node|crowd FLAGS; --help after the command tells its flags")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "stock:", err)
		os.Exit(1)
	}
}

type fields = map[string]any

var output sync.Mutex // several goroutines report

// report writes one event as a line.
func report(event string, more fields) {
	line := fields{"event": event}
	for name, value := range more {
		line[name] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err) // only values that JSON knows are reported
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}
