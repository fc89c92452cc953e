package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// completion prints what makes a shell complete commands, flags and those values that are known. It is a script
// without any call of the program, which takes longer to start than a user waits after a key.
func (c *commands) completion(w io.Writer, args []string) error {
	if len(args) != 1 || args[0] != "bash" && args[0] != "zsh" {
		return errors.New("completion: for bash or for zsh? source <(beamlearn completion bash), or beamlearn completion " +
			"zsh >DIR/_beamlearn, a directory of $fpath")
	}
	var b strings.Builder
	if args[0] == "bash" {
		c.bash(&b)
	} else {
		c.zsh(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// completed is a flag as a shell completes it.
type completed struct {
	name, usage string
	value       string // what it is called; empty for a flag without
	values      []string
	files       bool
}

// completed are the flags of a command that its help shows, and those of where to run.
func (a *App) completed() []completed {
	groups := a.groups
	if a.cluster != nil {
		groups = append(groups[:len(groups):len(groups)], a.cluster)
	}
	var all []completed
	for _, g := range groups {
		for _, f := range g.flags {
			value, usage := flag.UnquoteUsage(f)
			if name, ok := valueNames[value]; ok {
				value = name
			}
			_, isPath := f.Value.(*Path)
			all = append(all, completed{f.Name, usage, value, a.values[f.Name], isPath || value == "FILE" || value == "DIR"})
		}
	}
	return append(all, completed{name: "help", usage: "the flags"}, completed{name: "version", usage: "the version"})
}

// words are commands and what stands in their place.
func (c *commands) words() []string {
	var words []string
	for _, a := range c.apps {
		words = append(words, a.name)
	}
	return append(words, "help", "completion")
}

func (c *commands) bash(b *strings.Builder) {
	fmt.Fprintf(b, `# source <(%[1]s completion bash)
_%[1]s() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flag= before= words= files=
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W %[2]q -- "$cur"))
    return
  fi
  # A word may be cut at its =, as $COMP_WORDBREAKS has it.
  if [ "$cur" = = ]; then
    flag=$prev cur=
  elif [ "$prev" = = ]; then
    flag=${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $cur == --*=* ]]; then
    flag=${cur%%%%=*} before=${cur%%%%=*}= cur=${cur#*=}
  fi
  case ${COMP_WORDS[1]}$flag in
`, c.name, strings.Join(c.words(), " "))
	fmt.Fprintf(b, "  help) words=%q ;;\n", strings.Join(append(c.words()[:len(c.apps)], clusterTopic), " "))
	fmt.Fprintf(b, "  completion) words=\"bash zsh\" ;;\n")
	for _, a := range c.apps {
		var flags, paths []string
		for _, f := range a.completed() {
			switch {
			case f.value == "":
				flags = append(flags, "--"+f.name)
				continue
			case len(f.values) > 0:
				fmt.Fprintf(b, "  %s--%s) words=%q ;;\n", a.name, f.name, strings.Join(f.values, " "))
			case f.files:
				paths = append(paths, a.name+"--"+f.name)
			}
			flags = append(flags, "--"+f.name+"=")
		}
		if len(paths) > 0 {
			fmt.Fprintf(b, "  %s) files=1 ;;\n", strings.Join(paths, "|"))
		}
		if a.runHere != nil {
			fmt.Fprintf(b, "  %s) words=%q; [[ $cur == -* ]] || files=1 ;;\n", a.name, strings.Join(flags, " "))
		} else {
			fmt.Fprintf(b, "  %s) words=%q ;;\n", a.name, strings.Join(flags, " "))
		}
	}
	fmt.Fprintf(b, `  esac
  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\n'
    COMPREPLY=($(compgen -P "$before" -f -- "$cur"))
  else
    COMPREPLY=($(compgen -P "$before" -W "$words" -- "$cur"))
  fi
  [[ ${COMPREPLY-} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _%[1]s %[1]s
`, c.name)
}

func (c *commands) zsh(b *strings.Builder) {
	fmt.Fprintf(b, `#compdef %[1]s
# %[1]s completion zsh >DIR/_%[1]s, where DIR is a directory of $fpath
_%[1]s() {
  if (( CURRENT == 2 )); then
    local -a commands=(
`, c.name)
	for _, a := range c.apps {
		first, _, _ := strings.Cut(a.synopsis, "\n")
		fmt.Fprintf(b, "      %s\n", zshQuote(a.name+":"+first))
	}
	fmt.Fprintf(b, `      'help:the flags of a command'
      'completion:a script for a shell'
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
  help) _arguments ':command:(%s)' ;;
  completion) _arguments ':shell:(bash zsh)' ;;
`, strings.Join(append(c.words()[:len(c.apps)], clusterTopic), " "))
	for _, a := range c.apps {
		fmt.Fprintf(b, "  %s)\n    _arguments", a.name)
		for _, f := range a.completed() {
			fmt.Fprintf(b, " \\\n      %s", zshQuote(f.zsh()))
		}
		if a.runHere != nil {
			fmt.Fprintf(b, " \\\n      '*:file:_files'")
		}
		fmt.Fprintf(b, "\n    ;;\n")
	}
	fmt.Fprintf(b, `  esac
}
if [ "$funcstack[1]" = _%[1]s ]; then
  _%[1]s "$@"
else
  compdef _%[1]s %[1]s
fi
`, c.name)
}

// zsh is a flag as _arguments reads it.
func (f completed) zsh() string {
	short := f.usage
	for _, end := range []string{": ", "; ", " (", ", or "} {
		short, _, _ = strings.Cut(short, end)
	}
	short = strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(short)
	switch {
	case f.value == "":
		return fmt.Sprintf("--%s[%s]", f.name, short)
	case len(f.values) > 0:
		return fmt.Sprintf("--%s=-[%s]:%s:(%s)", f.name, short, strings.ReplaceAll(f.value, ":", `\:`),
			strings.Join(f.values, " "))
	case f.files:
		return fmt.Sprintf("--%s=-[%s]:%s:_files", f.name, short, f.value)
	}
	return fmt.Sprintf("--%s=-[%s]:%s: ", f.name, short, strings.ReplaceAll(f.value, ":", `\:`))
}

// zshQuote makes a word of any text.
func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
