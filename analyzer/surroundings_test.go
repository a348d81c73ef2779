package analyzer

// surroundings are the histories of TestSurroundings.
var surroundings = []surrounded{{
	name:     "an outage that outlasts the old version, after both had been well for long",
	release:  fine(10) + failing(20),
	old:      "25000/50*10 250/112*8 0/0*12",
	peers:    same("cart search users", fine(10)+failing(20)),
	verdicts: "h*19 .e*10",
	reason:   "3 of 3 other workloads grew worse at the same time",
}, {
	name:      "a release that alone is bad is found as soon as without looking around",
	release:   failing(5),
	peers:     same("cart search users", fine(5)),
	verdicts:  "..rrr",
	undelayed: true,
}, {
	name:      "so is one that grows bad late",
	release:   fine(60) + failing(5),
	peers:     same("cart search users", fine(65)),
	verdicts:  "h*61 .rrr",
	undelayed: true,
}, {
	name:      "and one that is bad in little",
	release:   "250/8*20",
	peers:     same("cart search users", fine(20)),
	verdicts:  "..r*18",
	undelayed: true,
}, {
	name:      "and one that has nobody around it",
	release:   failing(5),
	verdicts:  "..rrr",
	undelayed: true,
}, {
	name:     "an outage that all share from the deployment on is not the release's doing, and when it is over it is well",
	release:  failing(20) + fine(20),
	peers:    same("cart search users", failing(20)+fine(20)),
	verdicts: "..e*20 .h*17",
}, {
	name:     "nor is one that comes later and does not end",
	release:  fine(60) + failing(120),
	peers:    same("cart search users", fine(60)+failing(120)),
	verdicts: "h*61 .e*118",
	reason:   "errors: 50.00 % of requests failed, over the limit of 0.30 %, but 3 of 3 other workloads grew worse at the same time, cart among them, so that something they share is failing",
}, {
	name:     "after an outage that all shared, a fault of the release is found by evidence of its own",
	release:  fine(20) + failing(10) + fine(30) + failing(5),
	peers:    same("cart search users", fine(20)+failing(10)+fine(35)),
	verdicts: "h*21 .e*10 . h*28 .rrr",
}, {
	name:     "what others still show a little of when the release is bad alone is over soon",
	release:  failing(60),
	peers:    same("cart search users", failing(10)+fine(50)),
	verdicts: "..e*27 .r*30",
}, {
	name:     "a release that is far worse than its callers is bad, though it is not known who they are",
	release:  failing(5),
	peers:    and(same("cart search", "250/20*5"), same("users", fine(5))),
	verdicts: "..rrr",
}, {
	name:     "others that fail far more than the release can have caused do not wait for it, though they are few",
	release:  "50/10*6",
	peers:    and(same("cart search", "900/180*6"), same("a b c d e f g h i j", "500/0*6")),
	verdicts: "..e*4",
	reason:   "2 of 12 other workloads",
}, {
	name:     "few of many with no more failures than the release may be its callers",
	release:  failing(5),
	peers:    and(same("cart search", failing(5)), same("a b c d e f g h i j", fine(5))),
	verdicts: "..rrr",
}, {
	name:     "one other workload that fails too may be a caller, or by chance",
	release:  failing(5),
	peers:    and(same("cart", failing(5)), same("users", fine(5))),
	verdicts: "..rrr",
}, {
	name:     "a busy workload that is well does not outvote those that are not",
	release:  failing(5),
	peers:    and(same("cart search", "30/15*5"), same("users", "9000/9*5")),
	verdicts: "..eee",
}, {
	name:     "others with too little traffic to have shown it say nothing",
	release:  failing(5),
	peers:    and(same("cart search", failing(5)), same("a b c d e f g h i j", "1/0*5")),
	verdicts: "..eee",
}, {
	name:     "an outage of a small namespace is not outvoted by the others",
	release:  failing(5),
	peers:    and(same("cart search", failing(5)), same("o/a o/b o/c o/d o/e o/f o/g o/h", fine(5))),
	verdicts: "..eee",
	reason:   "2 of 2 other workloads",
}, {
	name:     "an outage of the whole cluster is seen elsewhere where there are no neighbours",
	release:  failing(5),
	peers:    and(same("o/a o/b p/c", failing(5)), same("p/d", fine(5))),
	verdicts: "..eee",
}, {
	name:     "an outage that grows slowly is shared all the same",
	release:  "250/0*20 250/1*6 250/3*6 250/6*6 250/12*6 250/25*6 250/50*6",
	peers:    same("cart search users", "250/0*20 250/1*6 250/3*6 250/6*6 250/12*6 250/25*6 250/50*6"),
	verdicts: "h*30 .. e*24",
}, {
	name:     "the old version that served beside a bad release tells of it, whoever else is failing",
	release:  "250/125*9",
	old:      "250/0*3 0/0*6",
	peers:    same("cart search users", failing(9)),
	verdicts: "..r*7",
}, {
	name:     "an outage that begins after the old version's last scrape and before the new one's is not told by the one tick of both",
	release:  "250/0*20 250/60 250/125*8",
	old:      "250/0*21 0/0*8",
	peers:    same("cart search users", "250/0*20 250/60 250/125*8"),
	verdicts: "h*20 .. e*7",
}, {
	name:     "nor where the old version's last requests have failed by then",
	release:  "250/0*20 250/60 250/125*8",
	old:      "250/0*21 60/15 0/0*7",
	peers:    same("cart search users", "250/0*20 250/60 250/125*8"),
	verdicts: "h*20 ... e*6",
}, {
	name:     "something that is called and fails all callers is not the release's doing",
	release:  "250/90*6",
	peers:    same("cart search users", fine(6)),
	calls:    map[string][2]string{"pay": {"250/90*6", "100/40*6"}, "mail": {"250/0*6", "100/0*6"}},
	verdicts: "..e*4",
	reason:   "36.00 % of requests failed, over the limit of 0.30 %, but pay, which it calls, is failing: ",
}, {
	name:     "nor are two of them together",
	release:  "250/100*6",
	peers:    same("cart search users", fine(6)),
	calls:    map[string][2]string{"pay": {"250/40*6", "100/16*6"}, "mail": {"250/40*6", "100/16*6"}},
	verdicts: "..e*4",
}, {
	name:     "something that is called and fails the release alone is asked for the wrong thing",
	release:  "250/90*6",
	calls:    map[string][2]string{"pay": {"250/90*6", "100/0*6"}},
	verdicts: "..r*4",
}, {
	name:     "so it is, though it fails others a little, for all that the release asks of it",
	release:  "250/90*6",
	calls:    map[string][2]string{"pay": {"250/90*6", "100/4*6"}},
	verdicts: "..r*4",
}, {
	name:     "where nobody else calls it, a new version that is failed from the start asks for the wrong thing",
	release:  "250/90*6",
	calls:    map[string][2]string{"pay": {"250/90*6", ""}},
	verdicts: "..r*4",
}, {
	name:     "and one that had been served is not to blame",
	release:  fine(20) + "250/90*6",
	calls:    map[string][2]string{"pay": {fine(20) + "250/90*6", ""}},
	verdicts: "h*21 .e*4",
}, {
	name:     "failures of something that is called which are far fewer than those of the release do not explain them",
	release:  "250/90*6",
	calls:    map[string][2]string{"pay": {"250/20*6", "100/8*6"}},
	verdicts: "..r*4",
}, {
	name:       "looks that fail for ever hold a decision for four ticks",
	release:    failing(10),
	peers:      same("cart search users", fine(10)),
	unanswered: "xxxxxxxxxx",
	verdicts:   ".*5 r*5",
}, {
	name:       "looks that fail now and then do not mislead it",
	release:    failing(10),
	peers:      same("cart search users", failing(10)),
	unanswered: "..xx.x.xx.",
	verdicts:   "..e*8",
}, {
	name:       "what was found out holds on while nothing more is known",
	release:    failing(12),
	peers:      same("cart search users", failing(12)),
	unanswered: "....xxxxxxxx",
	verdicts:   "..e*10",
}, {
	name:       "nor is a release that was found to be bad in doubt again by a look that fails",
	release:    failing(10),
	peers:      same("cart search users", fine(10)),
	unanswered: "...x.xxx..",
	verdicts:   "..r*8",
}}
