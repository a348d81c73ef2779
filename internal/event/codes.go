package event

// Codes are all codes of rejections, so that each can be counted from zero on.
func Codes() []Code {
	return []Code{
		CodeSubject, CodeTooLarge, CodeMalformed, CodeDuplicate, CodeMissing, CodeType, CodeInvalid, CodeUnsupported, CodeNotADeployment,
		CodeUnauthorised, CodeStale, CodeFuture, CodeConflict, CodeTooLate, CodeUnknownWorkload,
	}
}
