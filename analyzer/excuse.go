package analyzer

import "fmt"

// excuseBusiness keeps a business metric from being laid to a release while one of the other signals is in breach by no doing
// of the release: requests that fail bring no orders. That holds until the metric is back, as it trails behind.
func excuseBusiness(r Rules, st State, signals []Assessment, claims []claim) {
	guarded, verdict := "", External
	for i, a := range signals {
		if a.Kind == KindBusiness || a.Kind == KindSmoke {
			continue
		}
		if excused := st.signals[i].sequential.excused() != ""; excused || a.Verdict == External || a.Verdict == SickPod {
			if verdict = External; a.Verdict == SickPod {
				verdict = SickPod
			}
			guarded = fmt.Sprintf("that comes of %s, which is not this release's doing", a.Signal)
		}
	}
	for i, sig := range r.Signals {
		if sig.Kind != KindBusiness {
			continue
		}
		s := st.signals[i]
		if (claims[i].sustained || claims[i].sequential) && guarded == "" && undecided(signals) {
			signals[i].Verdict, claims[i] = Insufficient, claim{}
			signals[i].Reason += "; what the requests themselves show is decided first"
		}
		if why := s.business.excuse(guarded); why != "" {
			s.business = s.business.excused(why)
			signals[i].Evidence = s.business.evidence(sig)
			signals[i].Verdict, signals[i].Guard, claims[i] = verdict, why, claim{}
			signals[i].Reason = fmt.Sprintf("%s, beyond the limit of %s, but %s", signals[i].measured(), signals[i].limit(), why)
			st.signals[i] = s
		}
	}
}

// undecided reports whether one of the other signals is in a breach that chance hardly explains.
func undecided(signals []Assessment) bool {
	for _, a := range signals {
		if a.Kind != KindBusiness && a.Kind != KindRollout && a.Kind != KindSmoke && a.Outcome == OutcomeBreach && a.Evidence >= 2 && a.Verdict != Regressed {
			return true
		}
	}
	return false
}
