#include "db/fault_vfs.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <sqlite3.h>

#include <fmt/format.h>

#include "base/result.h"

namespace warren::db {

namespace {

namespace fs = std::filesystem;

// The system's file follows this one in memory (sqlite3_vfs::szOsFile).
struct File {
  sqlite3_file base;
  FaultVfs* layer;
  std::string* path;  // null for temporary files: these are left alone

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}

FaultVfs* of(sqlite3_vfs* vfs) {
  return static_cast<FaultVfs*>(vfs->pAppData);
}

int before(File* file, Operation operation) {
  return file->path != nullptr ? file->layer->before(operation, *file->path) : SQLITE_OK;
}

int x_close(sqlite3_file* file) {
  delete of(file)->path;
  sqlite3_file* const system = of(file)->system();
  return system->pMethods != nullptr ? system->pMethods->xClose(system) : SQLITE_OK;
}

int x_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xRead(system, out, size, offset);
}

int x_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (const int code = before(of(file), Operation::Write); code != SQLITE_OK) return code;
  sqlite3_file* const system = of(file)->system();
  const int code = system->pMethods->xWrite(system, data, size, offset);
  if (code == SQLITE_OK && of(file)->path != nullptr) {
    const auto* const text = static_cast<const char*>(data);
    of(file)->layer->wrote(*of(file)->path, offset, {text, static_cast<std::size_t>(size)});
  }
  return code;
}

int x_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = before(of(file), Operation::Truncate); code != SQLITE_OK) return code;
  sqlite3_file* const system = of(file)->system();
  const int code = system->pMethods->xTruncate(system, size);
  if (code == SQLITE_OK && of(file)->path != nullptr) {
    of(file)->layer->truncated(*of(file)->path, size);
  }
  return code;
}

int x_sync(sqlite3_file* file, int flags) {
  if (const int code = before(of(file), Operation::Sync); code != SQLITE_OK) return code;
  sqlite3_file* const system = of(file)->system();
  const int code = system->pMethods->xSync(system, flags);
  if (code == SQLITE_OK && of(file)->path != nullptr) of(file)->layer->synced(*of(file)->path);
  return code;
}

int x_file_size(sqlite3_file* file, sqlite3_int64* out) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xFileSize(system, out);
}

int x_lock(sqlite3_file* file, int level) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xLock(system, level);
}

int x_unlock(sqlite3_file* file, int level) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xUnlock(system, level);
}

int x_check_reserved_lock(sqlite3_file* file, int* out) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xCheckReservedLock(system, out);
}

int x_file_control(sqlite3_file* file, int operation, void* argument) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xFileControl(system, operation, argument);
}

int x_sector_size(sqlite3_file* file) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xSectorSize(system);
}

// Without "a power cut damages nothing beside what is written" SQLite syncs more: as on any disk.
int x_device_characteristics(sqlite3_file*) {
  return 0;
}

int x_shm_map(sqlite3_file* file, int page, int size, int extend, volatile void** out) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xShmMap(system, page, size, extend, out);
}

int x_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xShmLock(system, offset, count, flags);
}

void x_shm_barrier(sqlite3_file* file) {
  sqlite3_file* const system = of(file)->system();
  system->pMethods->xShmBarrier(system);
}

int x_shm_unmap(sqlite3_file* file, int remove) {
  sqlite3_file* const system = of(file)->system();
  return system->pMethods->xShmUnmap(system, remove);
}

constexpr sqlite3_io_methods kMethods = {
    .iVersion = 2,  // shared memory, no memory mapping
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_reserved_lock,
    .xFileControl = x_file_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_device_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int x_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  File* const it = of(file);
  it->layer = of(vfs);
  it->path = path != nullptr ? new std::string(path) : nullptr;
  it->base.pMethods = &kMethods;
  it->system()->pMethods = nullptr;
  if (path != nullptr) it->layer->opened(path);
  sqlite3_vfs* const system = of(vfs)->system();
  const int code = system->xOpen(system, path, it->system(), flags, out_flags);
  if (code == SQLITE_OK) return code;
  delete it->path;
  it->base.pMethods = nullptr;  // so xClose is not called
  return code;
}

int x_delete(sqlite3_vfs* vfs, const char* path, int sync) {
  if (const int code = of(vfs)->before(Operation::Delete, path); code != SQLITE_OK) return code;
  sqlite3_vfs* const system = of(vfs)->system();
  const int code = system->xDelete(system, path, sync);
  if (code == SQLITE_OK) of(vfs)->deleted(path);
  return code;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

FaultVfs::FaultVfs() : system_(sqlite3_vfs_find(nullptr)) {
  name_ = fmt::format("fault-{}", static_cast<const void*>(this));
  vfs_ = std::make_unique<sqlite3_vfs>(*system_);
  vfs_->zName = name_.c_str();
  vfs_->szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
  vfs_->pAppData = this;
  vfs_->pNext = nullptr;
  vfs_->xOpen = x_open;
  vfs_->xDelete = x_delete;
  WARREN_CHECK(sqlite3_vfs_register(vfs_.get(), 0) == SQLITE_OK);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(vfs_.get());
}

int FaultVfs::before(Operation operation, const std::string& path) {
  ++operations_;
  return fault_ ? fault_(operation, path) : SQLITE_OK;
}

void FaultVfs::opened(const std::string& path) {
  const MutexLock lock(mutex_);
  if (!files_.contains(path)) files_[path].durable = content_of(path);
}

void FaultVfs::wrote(const std::string& path, std::int64_t offset, std::string_view data) {
  const MutexLock lock(mutex_);
  files_[path].pending.push_back({static_cast<std::size_t>(offset), std::string(data)});
}

void FaultVfs::truncated(const std::string& path, std::int64_t size) {
  const MutexLock lock(mutex_);
  files_[path].pending.push_back({static_cast<std::size_t>(size), std::nullopt});
}

void FaultVfs::synced(const std::string& path) {
  const MutexLock lock(mutex_);
  Content& content = files_[path];
  for (const Change& change : content.pending) {
    if (change.data) {
      const std::size_t end = change.offset + change.data->size();
      if (content.durable.size() < end) content.durable.resize(end);
      content.durable.replace(change.offset, change.data->size(), *change.data);
    } else {
      content.durable.resize(change.offset);
    }
  }
  content.pending.clear();
}

void FaultVfs::deleted(const std::string& path) {
  const MutexLock lock(mutex_);
  files_.erase(path);
}

void FaultVfs::power_cut(const std::string& into) {
  const MutexLock lock(mutex_);
  fs::remove_all(into);
  fs::create_directories(into);
  for (const auto& [path, content] : files_) {
    std::ofstream out(fs::path(into) / fs::path(path).filename(), std::ios::binary);
    out << content.durable;
  }
}

void copy_files(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.is_regular_file())
      fs::copy_file(entry.path(), fs::path(to) / entry.path().filename());
  }
}

}  // namespace warren::db
