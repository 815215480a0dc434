//! After warm-up a call allocates nothing.

use sekisho::Decision;
use sekisho_benches::Workload;

#[test]
fn assess_and_score_allocate_nothing() {
    let workload = Workload::default();
    let engine = workload.engine().unwrap();
    let warm = workload.warm_up(&engine).unwrap();
    let mut event = engine.event();
    let mut decision = Decision::new();
    let mut counts = [0; 3];
    for number in warm..warm + 4 * workload.period() {
        let sample = workload.sample(number);
        let fill = allocation_counter::measure(|| workload.fill(&sample, &mut event).unwrap());
        let score = allocation_counter::measure(|| engine.score_into(&event, &mut decision).unwrap());
        let assess = allocation_counter::measure(|| engine.assess_into(&event, &mut decision).unwrap());
        // Memory that is reused grows to its size in the first period.
        if number >= warm + workload.period() {
            for (count, calls) in counts.iter_mut().zip([fill, score, assess]) {
                *count += calls.count_total;
            }
        }
    }
    assert_eq!(counts, [0; 3], "allocations of fill, score and assess");
}
