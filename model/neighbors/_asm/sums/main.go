// Command sums generates the AVX2 kernels that add rows to the sums of clusters. In model/kmeans:
//
//	go generate
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("!purego")
	for _, bits := range []int{32, 64} {
		add(bits)
	}
	Generate()
}

// add adds a row of values of so many bits, four at a time. A product is rounded before it is added.
func add(bits int) {
	name := fmt.Sprintf("add%dAVX2", bits)
	TEXT(name, NOSPLIT, fmt.Sprintf("func(into *float64, row *float%d, fours int, weight float64)", bits))
	Doc(name + " is addTo, of at least one four of values.")
	Pragma("noescape")
	into, row := Load(Param("into"), GP64()), Load(Param("row"), GP64())
	left := Load(Param("fours"), GP64())
	weight := YMM()
	VBROADCASTSD(NewParamAddr("weight", 24), weight)
	Label("four")
	v := YMM()
	if bits == 32 {
		VCVTPS2PD(Mem{Base: row}, v)
	} else {
		VMOVUPD(Mem{Base: row}, v)
	}
	VMULPD(weight, v, v)
	VADDPD(Mem{Base: into}, v, v)
	VMOVUPD(v, Mem{Base: into})
	ADDQ(Imm(uint64(bits/2)), row)
	ADDQ(Imm(32), into)
	DECQ(left)
	JNZ(LabelRef("four"))
	VZEROUPPER()
	RET()
}
