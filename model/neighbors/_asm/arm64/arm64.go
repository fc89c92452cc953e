// Package arm64 writes assembly of NEON for Go, which avo does not: it is for amd64 only. Instructions of the general
// registers, loads and stores are lines for Go's assembler. It knows few instructions of vectors in floating point, and
// no dot product: those of vectors are words, each with the instruction in Arm's own notation beside it.
package arm64

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
)

// V is a vector register, 0 to 31.
type V uint32

// F is the register's name in loads and stores by Go's assembler.
func (v V) F() string { return fmt.Sprintf("F%d", v) }

// S4 is its name as four elements.
func (v V) S4() string { return fmt.Sprintf("V%d.S4", v) }

// D2 is its name as two elements.
func (v V) D2() string { return fmt.Sprintf("V%d.D2", v) }

// words are the instructions of vectors, by name and arrangement of each operand, with register 0 for all. One of one
// letter is a scalar, or an element: see File.Lane.
var words = map[string]uint32{
	"add 4s 4s 4s": 0x4ea08400, "mla 4s 4s 4s": 0x4ea09400, "addv s 4s": 0x4eb1b800,
	"smin 4s 4s 4s": 0x4ea06c00, "smax 4s 4s 4s": 0x4ea06400, "umaxv s 4s": 0x6eb0a800, "uminv s 4s": 0x6eb1a800,
	"umax 4s 4s 4s": 0x6ea06400, "umax 16b 16b 16b": 0x6e206400, "cmhi 2d 2d 2d": 0x6ee03400, "add 2d 2d 2d": 0x4ee08400,
	"cmeq 16b 16b 16b": 0x6e208c00, "addp 2d 2d 2d": 0x4ee0bc00,
	"sabd 16b 16b 16b": 0x4e207400, "addp 16b 16b 16b": 0x4e20bc00, "addp 8h 8h 8h": 0x4e60bc00,
	"smull 8h 8b 8b": 0x0e20c000, "smull2 8h 16b 16b": 0x4e20c000, "sadalp 4s 8h": 0x4e606800,
	"uadalp 4s 8h": 0x6e606800, "uaddlp 8h 16b": 0x6e202800, "saddlp 8h 16b": 0x4e202800,
	"sdot 4s 16b 4b": 0x4f80e000, "sdot 4s 16b 16b": 0x4e809400, "udot 4s 16b 16b": 0x6e809400,
	"smmla 4s 16b 16b": 0x4e80a400, "sxtl 8h 8b": 0x0f08a400, "sxtl2 8h 16b": 0x4f08a400, "sxtl 4s 4h": 0x0f10a400,
	"sxtl2 4s 8h": 0x4f10a400,

	"and 16b 16b 16b": 0x4e201c00, "bic 16b 16b 16b": 0x4e601c00, "orr 16b 16b 16b": 0x4ea01c00,
	"eor 16b 16b 16b": 0x6e201c00, "bit 16b 16b 16b": 0x6ea01c00, "bif 16b 16b 16b": 0x6ee01c00,
	"zip1 4s 4s 4s": 0x4e803800, "zip2 4s 4s 4s": 0x4e807800, "zip1 2d 2d 2d": 0x4ec03800,
	"zip2 2d 2d 2d": 0x4ec07800, "uzp1 8h 8h 8h": 0x4e401800, "uzp1 16b 16b 16b": 0x4e001800,
	"uzp1 4s 4s 4s": 0x4e801800, "dup 4s s": 0x4e040400,

	"fadd 4s 4s 4s": 0x4e20d400, "fsub 4s 4s 4s": 0x4ea0d400, "fmul 4s 4s 4s": 0x6e20dc00,
	"fmla 4s 4s 4s": 0x4e20cc00, "fmls 4s 4s 4s": 0x4ea0cc00, "fmla 4s 4s s": 0x4f801000, "fmax 4s 4s 4s": 0x4e20f400,
	"fcmgt 4s 4s 4s": 0x6ea0e400, "fcmeq 4s 4s 4s": 0x4e20e400, "fneg 4s 4s": 0x6ea0f800, "fabs 4s 4s": 0x4ea0f800,
	"scvtf 4s 4s": 0x4e21d800, "fcvtns 4s 4s": 0x4e21a800, "faddp 4s 4s 4s": 0x6e20d400,
	"fadd 2d 2d 2d": 0x4e60d400, "fsub 2d 2d 2d": 0x4ee0d400, "fmul 2d 2d 2d": 0x6e60dc00,
	"fmax 2d 2d 2d": 0x4e60f400, "fmin 2d 2d 2d": 0x4ee0f400, "fabd 2d 2d 2d": 0x6ee0d400, "fabs 2d 2d": 0x4ee0f800,
	"fcmgt 2d 2d 2d": 0x6ee0e400, "fcmeq 2d 2d 2d": 0x4e60e400, "frintn 2d 2d": 0x4e618800, "fcvtzs 2d 2d": 0x4ee1b800,
	"faddp d 2d": 0x7e70d800, "fmaxp d 2d": 0x7e70f800, "fcvtl 2d 2s": 0x0e617800, "fcvtl2 2d 4s": 0x4e617800,
}

// shifts are those by a number of bits.
var shifts = map[string]uint32{"ushr 4s 4s": 0x6f000400, "shl 4s 4s": 0x4f005400}

// File is a file of assembly and that of its declarations in Go.
type File struct {
	code, stubs strings.Builder
	label       int
	room        map[string]int // of the function's frame
	frame       int
	signature   string
	head, body  string
}

// Function begins a function. The signature stands as in Go, from the name on; bytes are those of its arguments and
// results.
func (f *File) Function(signature, doc string, bytes int) {
	f.finish()
	name, _, _ := strings.Cut(signature, "(")
	fmt.Fprintf(&f.stubs, "\n// %s %s\n//\n//go:noescape\nfunc %s\n", name, doc, signature)
	f.signature, f.frame, f.room = signature, 0, map[string]int{}
	f.head = fmt.Sprintf("TEXT ·%s(SB), %%s$%%d-%d", name, bytes)
}

// finish writes the function that was begun, whose frame is known now.
func (f *File) finish() {
	if f.head == "" {
		return
	}
	flags := "NOSPLIT, "
	if f.frame > 512 { // beyond, the stack may have to grow
		flags = ""
	}
	fmt.Fprintf(&f.code, "\n// func %s\n"+f.head+"\n%s", f.signature, flags, f.frame, f.body)
	f.head, f.body = "", ""
}

// Room keeps so many bytes of the frame, a multiple of 16, and writes their address to a register.
func (f *File) Room(name string, bytes int, register string) {
	f.frame += bytes
	f.room[name] = f.frame
	f.At(name, register)
}

// At writes the address of what Room has kept to a register.
func (f *File) At(name, register string) {
	f.Go("MOVD $%s-%d(SP), %s", name, f.room[name], register)
}

// Go writes a line for Go's assembler.
func (f *File) Go(format string, args ...any) { f.body += "\t" + fmt.Sprintf(format, args...) + "\n" }

// Label is a new name for Mark and branches.
func (f *File) Label(what string) string {
	f.label++
	return fmt.Sprintf("%s%d", what, f.label)
}

// Mark is where a label stands.
func (f *File) Mark(label string) { f.body += label + ":\n" }

// Vector writes an instruction of words, of its registers in Arm's order: the result is first.
func (f *File) Vector(name string, operands ...V) {
	word, ok := words[name]
	if !ok {
		log.Fatalf("arm64: there is no word of %q", name)
	}
	f.word(word, name, operands, "")
}

// Lane writes an instruction whose last operand is an element of a register.
func (f *File) Lane(name string, d, n, m V, lane int) {
	word, ok := words[name]
	if !ok {
		log.Fatalf("arm64: there is no word of %q", name)
	}
	f.word(word|uint32(lane&1)<<21|uint32(lane>>1)<<11, name, []V{d, n, m}, fmt.Sprintf("[%d]", lane))
}

// Dup writes an element of 32 bits to all elements of d.
func (f *File) Dup(d, n V, lane int) {
	f.word(words["dup 4s s"]|uint32(lane)<<19, "dup 4s s", []V{d, n}, fmt.Sprintf("[%d]", lane))
}

// Shift writes a shift of shifts by so many bits.
func (f *File) Shift(name string, d, n V, by int) {
	code := uint32(32 + by)
	if strings.HasPrefix(name, "ushr") {
		code = uint32(64 - by)
	}
	word, ok := shifts[name]
	if !ok {
		log.Fatalf("arm64: there is no word of %q", name)
	}
	f.word(word|code<<16, name, []V{d, n}, fmt.Sprintf(", #%d", by))
}

func (f *File) word(word uint32, name string, operands []V, end string) {
	fields := strings.Fields(name)
	if len(fields) != len(operands)+1 {
		log.Fatalf("arm64: %d operands of %q", len(operands), name)
	}
	said := make([]string, len(operands))
	for i, v := range operands {
		word |= uint32(v) << [3]int{0, 5, 16}[i]
		said[i] = fmt.Sprintf("v%d.%s", v, fields[i+1])
		if len(fields[i+1]) == 1 && end == "" { // a scalar
			said[i] = fmt.Sprintf("%s%d", fields[i+1], v)
		}
	}
	f.Go("WORD $%#08x // %s %s%s", word, fields[0], strings.Join(said, ", "), end)
}

// Write writes both files to where the flags -out and -stubs say, for the package -pkg.
func (f *File) Write() {
	out, stubs, pkg := flag.String("out", "", ""), flag.String("stubs", "", ""), flag.String("pkg", "", "")
	flag.Parse()
	f.finish()
	head := fmt.Sprintf("// Code generated by command: go run main.go %s. DO NOT EDIT.\n\n//go:build arm64 && !purego\n\n",
		strings.Join(os.Args[1:], " "))
	for name, text := range map[string]string{
		*out:   head + "#include \"textflag.h\"\n" + f.code.String(),
		*stubs: head + "package " + *pkg + "\n" + f.stubs.String(),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
