//! What ingest answers and what it leaves on the queue, over ports in memory.

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod context;
#[cfg(test)]
mod events;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod slack;
#[cfg(test)]
mod world;
