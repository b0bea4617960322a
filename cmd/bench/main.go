// Command bench measures both doors side by side with their peers and prints ratios.
package main

import "fmt"

func main() { fmt.Println("usage: bench http|db|screen") }
