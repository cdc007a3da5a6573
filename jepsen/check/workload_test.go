package main

import "testing"

func mixedStory() *story {
	s := tell().of("register").did(0, "write", "[1 10]", 2).of("counter")
	s.did(0, "add", "[1 3]", 3, ":after 3").of("register")
	return s.read(0, "read", "[1 nil]", "[1 10]", 3, ":mod 2").of("counter")
}

func TestMixedJudgesEachPartByItsOwnClaim(t *testing.T) {
	accepted(t, mixed, mixedStory().read(0, "read", "[1 nil]", "[1 3]", 3))
	bad := mixedStory().read(0, "read", "[1 nil]", "[1 9]", 3)
	refused(t, mixed, "counter: counter", "only 3 to 3", bad)
	if result := runNamed(t, bad.input(t, mixed), "register: newest write"); result.Verdict != Valid {
		t.Errorf("%s", result.Why)
	}
}

func TestMixedSkipsTheWorkloadsThatAreNotThere(t *testing.T) {
	checks, err := ChecksOf(mixed)
	if err != nil {
		t.Fatal(err)
	}
	report := RunChecks(mixedStory().input(t, mixed), checks)
	for _, skipped := range report.Skipped {
		if skipped.Why == "" || skipped.Name == "register: linearizability" {
			t.Errorf("%+v", skipped)
		}
	}
	if len(report.Skipped) == 0 {
		t.Error("nothing is skipped")
	}
}

func TestMixedRefusesOperationsOfNoWorkload(t *testing.T) {
	refused(t, mixed, "parts", "unknown workload", goodRegister())
}

// A workload without a check of its own would be called valid for nothing.
func TestEachWorkloadHasAClaimOfItsOwn(t *testing.T) {
	for _, name := range workloadNames() {
		if len(workloads[name].Checks) == 0 {
			t.Errorf("%s has none", name)
		}
		for _, check := range workloads[name].Checks {
			if check.Claim == "" || check.Run == nil {
				t.Errorf("%s: %s", name, check.Name)
			}
		}
	}
}

func TestARunWithoutAnswersProvesNothing(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).call(1, "read", "[1 nil]").fail(1, ":error :DEADLINE")
	if result := runNamed(t, s.input(t, "register"), "answers"); result.Verdict != Unknown {
		t.Errorf("%v %s", result.Verdict, result.Why)
	}
}
