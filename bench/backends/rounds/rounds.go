// Package rounds has what the programs share that measure several things in rounds: which of them are chosen, and what the figures of all
// rounds come to.
package rounds

import (
	"fmt"
	"sort"
	"strings"
)

// Chosen tells whether one of the parts, which have commas between them, is part of the name. No parts choose all.
func Chosen(parts, name string) bool {
	for _, part := range strings.Split(parts, ",") {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// Median of at least one value.
func Median(values []float64) float64 {
	sorted := inOrder(values)
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// Range is the least and the most of at least one value.
func Range(values []float64) string {
	sorted := inOrder(values)
	return fmt.Sprintf("%.2f-%.2f", sorted[0], sorted[len(sorted)-1])
}

// Spread is the median of at least one value, with the least and the most.
func Spread(values []float64) string {
	return fmt.Sprintf("%.2f (%s)", Median(values), Range(values))
}

func inOrder(values []float64) []float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted
}
