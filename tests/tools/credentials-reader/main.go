// credentials-reader reads a directory of credentials as a provider written in Go does at its start, and prints what it found as
// JSON: the words trimmed, the SSH key and host keys as they are, and the modes of files and directory.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// word reads one file; white space at both ends does not count, and nothing else may be left out.
func word(directory, name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(directory, name))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", errors.New(name + " is empty")
	}
	return text, nil
}

func read(directory string) (map[string]any, error) {
	found := map[string]any{}
	for _, name := range []string{"username", "password"} {
		text, err := word(directory, name)
		if err != nil {
			return nil, err
		}
		found[name] = text
	}
	for _, name := range []string{"ssh-privatekey", "known_hosts"} {
		content, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			return nil, err
		}
		found[name] = string(content)
	}
	modes := map[string]string{}
	for _, name := range []string{".", "username", "password", "ssh-privatekey", "known_hosts"} {
		info, err := os.Stat(filepath.Join(directory, name))
		if err != nil {
			return nil, err
		}
		modes[name] = info.Mode().String()
	}
	found["modes"] = modes
	return found, nil
}

func main() {
	found, err := read(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(found)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
