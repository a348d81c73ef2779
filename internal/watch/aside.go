package watch

// aside runs what needs a deep stack on one of its own, and returns when it is done. An actor waits nearly all the time, and would keep
// the stack of its deepest turn meanwhile: with a thousand of them that is more than all that they know.
func aside(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
}
