# Two packages: `warren` is what every machine has, `warren-server` adds the server's program.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME warren)
set(CPACK_PACKAGE_VENDOR Warren)
set(CPACK_PACKAGE_CONTACT "The Warren authors <warren@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_SOURCE_DIR}/build/packages)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)

# Units name absolute paths: they must see the prefix that the package has when it is installed.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_COMPONENTS_ALL node node_debian server server_debian)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
set(CPACK_DEBIAN_NODE_PACKAGE_NAME warren)
set(CPACK_DEBIAN_NODE_DESCRIPTION "private access to your own machines, wherever they are
The node and the command line of Warren, a self-hosted overlay network built on
WireGuard: machines behind carrier-grade NAT, hotel networks and routers that
cannot be configured reach each other directly, or through a relay of your own.")
set(CPACK_DEBIAN_NODE_PACKAGE_DEPENDS
  "passwd, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_NODE_PACKAGE_CONTROL_EXTRA
  ${debian}/warren/conffiles ${debian}/warren/postinst ${debian}/warren/prerm ${debian}/warren/postrm)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME warren-server)
set(CPACK_DEBIAN_SERVER_DESCRIPTION "coordination server and relay of the Warren overlay network
Runs on one small machine with a public address: it lets your machines join,
tells them of each other, and relays their sealed packets where no direct path
exists.")
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "warren (= ${PROJECT_VERSION})")
# Who vouches for a certificate authority's own HTTPS.
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  ${debian}/warren-server/conffiles ${debian}/warren-server/postinst ${debian}/warren-server/prerm
  ${debian}/warren-server/postrm)

include(CPack)
cpack_add_component_group(node)
cpack_add_component_group(server)
foreach(group IN ITEMS node server)
  cpack_add_component(${group} GROUP ${group})
  cpack_add_component(${group}_debian GROUP ${group})
endforeach()
