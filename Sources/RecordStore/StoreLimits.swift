/// The bounds of storage.
package enum StoreLimits {
  /// A peer's stamp further ahead of this node's wall clock than this does not move this node's clock: one wrong clock
  /// must not drag the chain's along. A minute is far beyond what time synchronisation leaves.
  package static let clockToleranceMilliseconds: Int64 = 60_000
  /// A store whose clock is further off than this from HQ's, ahead or behind, corrects it by the difference, and stamps anew
  /// what HQ has not seen: a few minutes are what a PC's clock loses in months without time synchronisation.
  package static let clockRepairMilliseconds: Int64 = 300_000
  /// HQ takes no stamp of a store further ahead of its own clock than this: twice the above, so that a store which repairs its
  /// stamps is never turned away.
  package static let stampAheadMilliseconds: Int64 = 600_000
  /// Records that one unique clash names; more share the value, but a person has seen enough.
  package static let clashRecordCount = 100
  /// Groups of one peer that a node parks. More is no accident but a peer that sends rubbish, or a node that is too old:
  /// the link to that peer then stops, so that nothing is lost and nobody else's disk is filled.
  package static let parkedGroupCount = 10_000
  /// Bytes of one peer's parked groups, for the same reason: groups may be large.
  package static let parkedBytes = 256 << 20
  /// Exceptions that are remembered of one peer; beyond that the oldest are forgotten. A person has seen enough.
  package static let exceptionCount = 1_000
  /// Log entries that are looked at to find the group that a peer has not applied.
  static let exceptionScanCount = 1_000
  /// Of the note that a person gives with a decision.
  package static let noteBytes = 1_000
  /// Records that are looked at in one transaction after an upgrade: a sale waits for some milliseconds.
  static let reviewedRecordCount = 500
  /// Groups of a damaged database that are taken over in one transaction.
  static let salvageGroupCount = 250
  /// Records of each entity that one turn of a purge reads: with what a sale consists of, some 250 records are then let go of in
  /// one transaction, for which a sale waits.
  package static let purgePageCount = 100
  /// Records of one entity and one document, beyond which a purge leaves the document alone: it would hold up everybody.
  package static let purgeDocumentCount = 400
  /// The youngest that a purge takes: returns, voids, and receipts that a till sends twice are held against what is here.
  package static let purgeAgeDays = 30
  /// Log entries that the reading of one stretch may pull in from other lanes to keep groups whole.
  package static let pulledGroupCount = 1_000
  /// Bytes of large groups that are kept for the stores that have not read them yet: a price of its own for each of 20,000
  /// stores. What is larger is read for each store by itself.
  static let sharedReadingBytes = 8 << 20
  /// What a record that is kept so takes beside its contents: what holds it together, and where it is noted.
  static let sharedRecordBytes = 256
  /// Records of a group from which on it is kept: what has fewer is read as quickly.
  static let sharedGroupRecords = 16
  /// Groups of which it is remembered that they were read once: as many as there are between the slowest store and the quickest,
  /// where they are at the same.
  static let sharedGroupCount = 1_024
  /// Entries a lane that a peer brought along with other lanes and that are remembered until their own lane has passed them:
  /// one stretch pulls in as many. Should a peer have brought more, the earliest are forgotten; they count as unsent if its
  /// stamps have to be repaired just then.
  package static let broughtCount = 1_000
  /// Earlier epochs of a log that are remembered, of its own by each node, and of its peers' logs: three years of a PC that is
  /// switched off at night. A backup from before these counts as having sent nothing. 18 bytes each at the most, 18 KiB a
  /// store at HQ.
  package static let ancestorCount = 1_024
  /// Of these, the ones that a greeting names: the latest, and the one that the other side has heard of for certain. It
  /// remembers those before that one itself. 18 bytes each at the most, 288 in all.
  package static let toldAncestorCount = 16
  /// Of these, starts without a link: a shop whose line is down for weeks must still be known by the epochs that HQ has heard
  /// of. Should a backup of before these be restored twice, both times without a link in between, the second is taken for
  /// having sent less than it has.
  package static let hiddenAncestorCount = 8
  /// Logs of one store that HQ remembers besides that of the disk that last came: one for each disk that was put away with more
  /// on it than the one in its place. Should an earlier one come again, what it has sent counts as unsent, and takes new names.
  /// At the most 18 KiB each (`ancestorCount`), in a store that was restored eight times.
  package static let partedLogCount = 8
  /// Records in one page of an answer: some milliseconds of reading, and less than a till shows.
  package static let queryRecordCount = 1_000
  /// How long the answer to a request with an idempotency key is kept: a till that was switched off over a long weekend, or sent to
  /// be repaired, still asks again with the key of its last sale.
  package static let requestDays: Int64 = 7
  /// Answers that are kept, so that a mistake in a program that writes all day fills no disk: a week of 8 tills with 2,000
  /// receipts a day each is half of it. Beyond that the oldest go early.
  package static let requestCount: Int64 = 250_000
  /// Answers that are dropped as one comes: more than one, so that a backlog shrinks, and few, so that no sale waits for them.
  package static let requestDropCount = 4
  /// Of a key: a UUID is 36, a receipt's number with shop and till less than a hundred.
  package static let requestKeyBytes = 200
  /// Of an answer that is kept. Answers to commits are a few hundred bytes.
  package static let requestAnswerBytes = 64 << 10
  /// Entries and records that are looked at for one page of the change feed: some ten milliseconds, after which others have
  /// their turn at the reader. A page may then be empty, and says so.
  package static let feedLookCount = 5_000
  /// Bytes of records in one page of the change feed, after which it ends with the group that it is at.
  package static let feedPageBytes = 1 << 20
  /// Of a cursor's text; those that are made have 60 at the most.
  static let feedCursorBytes = 64
}
