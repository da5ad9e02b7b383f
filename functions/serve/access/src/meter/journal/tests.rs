use std::os::unix::fs::PermissionsExt;

use super::*;

fn record(id: u32) -> UsageRecord {
    serde_json::from_value(serde_json::json!({
        "id": format!("{id:032x}"), "repeatable": false, "time": 7, "tenant": "acme", "model": "m", "version": "1",
        "route": "infer", "rows": 1, "billed_ms": 1, "bytes_in": 1, "bytes_out": 1, "sealed": false, "cost": "0",
        "request": "r",
    }))
    .expect("a record")
}

fn ids(batches: &[JournalBatch]) -> Vec<u32> {
    let records = batches.iter().flat_map(|batch| batch.read().expect("read"));
    records.map(|record| u32::from_str_radix(&record.id, 16).expect("made here")).collect()
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("listed").count()
}

#[test]
fn what_is_kept_comes_back_until_it_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    for journal in [UsageJournal::in_memory(), UsageJournal::in_folder(folder.path()).expect("made")] {
        assert!(journal.closed().expect("read").is_empty());
        for id in 0..3 {
            journal.append(record(id)).expect("kept");
        }
        let mut batches = journal.closed().expect("read");
        journal.append(record(3)).expect("kept");
        assert_eq!(ids(&batches), [0, 1, 2]);
        journal.undone(batches.pop().expect("one"));
        let batches = journal.closed().expect("read");
        let mut seen = ids(&batches);
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3]);
        for batch in &batches {
            UsageJournal::done(batch).expect("forgotten");
        }
        assert!(journal.closed().expect("read").is_empty());
    }
    assert_eq!(files(folder.path()), 0, "the lock goes with a process that left nothing");
}

#[test]
fn what_the_dead_leave_is_taken_over_once_and_what_the_living_have_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (living, dead) = (UsageJournal::in_folder(folder.path()), UsageJournal::in_folder(folder.path()));
    let (living, dead) = (living.expect("made"), dead.expect("made"));
    for (id, journal) in [(1, &dead), (2, &living)] {
        journal.append(record(id)).expect("kept");
    }
    dead.closed().expect("read");
    dead.append(record(3)).expect("kept, in a segment that is open");
    let heir = UsageJournal::in_folder(folder.path()).expect("made");
    assert!(heir.left_by_others().expect("read").is_empty(), "both live");
    // What a killed process leaves: its files, unlocked.
    if let JournalPlace::Folder { lock, .. } = &dead.place {
        lock.unlock().expect("it was locked");
    }
    std::mem::forget(dead);
    let left = heir.left_by_others().expect("read");
    assert_eq!(ids(&left), [1, 3]);
    assert!(living.left_by_others().expect("read").is_empty(), "the heir has it");
    for batch in left {
        UsageJournal::done(&batch).expect("forgotten");
    }
    assert!(heir.left_by_others().expect("read").is_empty());
    assert_eq!(files(folder.path()), 3, "two locks and the segment of the living");
}

#[test]
fn a_folder_that_others_may_write_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).expect("it is ours");
    let error = UsageJournal::in_folder(folder.path()).expect_err("a group may write it");
    assert!(error.to_string().contains("other users may write the folder"), "{error}");
    assert_eq!(files(folder.path()), 0);
}

#[test]
fn what_is_kept_while_others_are_brought_away_is_not_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(UsageJournal::in_folder(folder.path()).expect("made"));
    let keeping = Arc::clone(&journal);
    let kept = std::thread::spawn(move || (0..4000).for_each(|id| keeping.append(record(id)).expect("kept")));
    let mut seen = Vec::new();
    loop {
        let is_over = kept.is_finished();
        let batches = journal.closed().expect("read");
        seen.extend(ids(&batches));
        for batch in &batches {
            UsageJournal::done(batch).expect("forgotten");
        }
        if is_over {
            break;
        }
    }
    kept.join().expect("no panic");
    seen.sort_unstable();
    assert_eq!(seen, (0..4000).collect::<Vec<_>>());
}

#[test]
fn what_was_claimed_and_not_brought_goes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    for journal in [UsageJournal::in_memory(), UsageJournal::in_folder(folder.path()).expect("made")] {
        let journal = Arc::new(journal);
        journal.append(record(1)).expect("kept");
        let claim = || ClaimedBatches::of(Arc::clone(&journal), UsageJournal::closed).expect("read");
        for _ in 0..2 {
            let claimed = claim();
            assert_eq!(claimed.first().expect("read").map(|records| records.len()), Some(1));
            assert!(claim().is_empty(), "another claim holds it");
        }
        claim().done().expect("forgotten");
        assert!(claim().is_empty());
    }
}

#[test]
fn what_the_disk_does_not_take_is_kept_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = UsageJournal::in_folder(folder.path()).expect("made");
    let JournalPlace::Folder { name, .. } = &journal.place else { panic!("it has a folder") };
    // A folder in the place of the segment, since root may write where it is forbidden.
    fs::create_dir(segment(folder.path(), name, 0)).expect("made");
    assert!(journal.append(record(1)).is_err());
    let batches = journal.closed().expect("read");
    assert_eq!(ids(&batches), [1]);
    fs::remove_dir(segment(folder.path(), name, 0)).expect("empty");
}

#[test]
fn a_torn_line_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = UsageJournal::in_folder(folder.path()).expect("made");
    journal.append(record(1)).expect("kept");
    let JournalPlace::Folder { name, .. } = &journal.place else { panic!("it has a folder") };
    let mut file = OpenOptions::new().append(true).open(segment(folder.path(), name, 0)).expect("it is there");
    file.write_all(br#"{"id":"0000"#).expect("written");
    assert_eq!(ids(&journal.closed().expect("read")), [1]);
}
